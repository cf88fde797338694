# pragma version 0.4.3
"""
@title AdlShares
@license MIT
@notice Auto-deleveraging by shares. See IAdlShares for the mechanism, modules/adl_quotas.vy for the scan and
        modules/adl_closing.vy for the rule of fills and gaps.
"""

from .interfaces import IAdl
from .interfaces import IAdlPolicy
from .interfaces import IAdlShares
from .interfaces import IInsuranceFund
from .interfaces import IMarginPool
from .interfaces import ISharePolicy
from .modules import adl_closing
from .modules import adl_jobs
from .modules import adl_locks
from .modules import adl_quotas
from .modules import insurance
from .modules import math
from .modules import require

implements: IAdlShares

initializes: adl_jobs
initializes: adl_quotas[adl_jobs := adl_jobs]
initializes: adl_locks[adl_jobs := adl_jobs]
initializes: insurance
initializes: adl_closing[adl_jobs := adl_jobs, insurance := insurance]

# Losers and plans of one call of `deleverage`.
MAX_LOSERS: constant(uint256) = 16
MAX_PLANS: constant(uint256) = 16
# Legs that an account may have.
MAX_LEGS: constant(uint256) = 256
ALL: constant(uint256) = max_value(uint256)
# The pool's account of what no layer could take: the one that stays below zero.
DEFICIT: constant(uint256) = 2

# reasons of SharesEnded
LOSER_CLOSED: constant(uint256) = 0
UNFIT: constant(uint256) = 1
EXPIRED: constant(uint256) = 2


# @param policy Says what each holder gives.
# @param fund The insurance fund; the empty address = none.
# @param rules Bankruptcy for everyone: at any other price gaps would fall on the holders at the front of a list that is
#        in no order.
@deploy
def __init__(pool: IMarginPool, policy: ISharePolicy, fund: IInsuranceFund, rules: IAdl.Rules):
    fair: bool = rules.price == adl_jobs.BANKRUPTCY and rules.everyone
    assert fair and not rules.restoring and not rules.overlapping, "adl: bad rules"
    adl_jobs.__init__(pool, rules.price, True)
    adl_quotas.__init__(policy)
    insurance.__init__(pool, fund)
    adl_closing.__init__(rules)


# --- anyone --------------------------------------------------------------------------------


@external
def deleverage(losers: DynArray[uint256, MAX_LOSERS], plans: DynArray[IAdlShares.Plan, MAX_PLANS]):
    for loser: uint256 in losers:
        if not self._can_close(loser):
            continue
        for plan: IAdlShares.Plan in plans:
            if plan.loser == loser:
                self._prepare(loser, plan.market, plan.level)
        self._close(loser, ALL)
        for plan: IAdlShares.Plan in plans:
            if plan.loser == loser:
                self._tidy(loser, plan.market)


@external
def open_jobs(loser: uint256, asked: DynArray[uint256, MAX_PLANS]):
    health: IMarginPool.Health = adl_jobs._health(loser)
    adl_closing._check(loser, health)
    for market: uint256 in asked:
        self._open(loser, market, health)
        adl_locks._lock(loser, market)


@external
def scan(loser: uint256, market: uint256, level: uint256, count: uint256):
    self._scan(loser, market, level, count)


@external
def close(loser: uint256, fills: uint256):
    self._close(loser, fills)


@external
def end_job(loser: uint256, market: uint256):
    job: IAdl.Job = self._job(loser, market)
    require._that(job.phase != adl_jobs.ABSENT, "adl: wrong phase")
    expired: bool = block.number > job.opened_in + adl_jobs.LIFETIME
    if expired and job.serving != 0:
        adl_closing._abandon(loser)
    reason: uint256 = EXPIRED if expired else self._reason_to_end(loser, market, job)
    require._that(reason <= EXPIRED, "adl: job is needed")
    self._end(loser, market, reason)


# --- views ---------------------------------------------------------------------------------


@external
@view
def job(loser: uint256, market: uint256) -> IAdl.Job:
    return self._job(loser, market)


@external
@view
def demand(loser: uint256, market: uint256) -> (IAdlPolicy.Side, ISharePolicy.Asked):
    longs: bool = self._longs(loser, market)
    job: IAdl.Job = self._job(loser, market)
    if job.phase != adl_jobs.ABSENT:
        return adl_jobs._side(market, longs, job), adl_quotas._asked(loser, market)
    job = adl_jobs._opened(market, loser, longs, 0)
    health: IMarginPool.Health = adl_jobs._health(loser)
    return adl_jobs._side(market, longs, job), self._terms(loser, market, health)


@external
@view
def draft(loser: uint256, market: uint256, sender: address) -> IAdlShares.Draft:
    number: uint256 = adl_jobs._number_for(loser, market, False)
    lots: uint256 = adl_jobs._lots(loser, market)
    first: uint256 = self._job(loser, market).next
    return adl_quotas.drafts[adl_quotas._base(number, first, lots, sender)]


@external
@view
def entry(loser: uint256, market: uint256, rank: uint256) -> uint256:
    number: uint256 = adl_jobs._number_for(loser, market, False)
    return adl_jobs.queue[adl_jobs._slot(number, rank)]


@external
@view
def open_count(market: uint256) -> uint256:
    return adl_locks.counts[market]


@external
@view
def open_at(market: uint256, place: uint256) -> uint256:
    return adl_locks.losers[market][place]


@external
@view
def policy() -> address:
    return adl_quotas.POLICY.address


# --- internals -----------------------------------------------------------------------------


@internal
@view
def _job(loser: uint256, market: uint256) -> IAdl.Job:
    return adl_jobs._load(adl_jobs._number_for(loser, market, False))


# @notice Bring the job of a plan to readiness, opening it if it isn't there.
@internal
def _prepare(loser: uint256, market: uint256, level: uint256):
    if adl_jobs._lots(loser, market) == 0:
        return
    phase: uint256 = self._job(loser, market).phase
    if phase == adl_jobs.ABSENT:
        self._open(loser, market, adl_jobs._health(loser))
    if phase != adl_jobs.READY:
        self._scan(loser, market, level, ALL)


@internal
@view
def _can_close(account: uint256) -> bool:
    health: IMarginPool.Health = adl_jobs._health(account)
    if health.stale_notional != 0 or account == DEFICIT:
        return False
    return adl_closing._is_due(account, health)


# @return The winners' side.
@internal
@view
def _longs(loser: uint256, market: uint256) -> bool:
    size: int256 = adl_jobs._position(loser, market).size
    require._that(size != 0, "adl: no position")
    return size < 0


# @param loser An account that can be closed.
@internal
def _open(loser: uint256, market: uint256, health: IMarginPool.Health):
    longs: bool = self._longs(loser, market)
    number: uint256 = adl_jobs._number_for(loser, market, longs)
    require._that(adl_jobs._load(number).phase == adl_jobs.ABSENT, "adl: job is open")
    job: IAdl.Job = adl_jobs._opened(market, loser, longs, 0)
    terms: ISharePolicy.Asked = self._terms(loser, market, health)
    adl_quotas._open(number, terms)
    adl_jobs._save(number, job)
    log IAdlShares.SharesOpened(
        loser=loser,
        market=market,
        longs=longs,
        mark=job.mark,
        funding=job.funding,
        holders=job.length,
        loss=terms.loss,
    )


# @notice What a job opened now would share, and what the bankruptcy price takes per lot: the leg's part, by maintenance, of
#         what the account lacks, less what the insurance fund may pay.
@internal
@view
def _terms(loser: uint256, market: uint256, health: IMarginPool.Health) -> ISharePolicy.Asked:
    held: IMarginPool.Position = adl_jobs._position(loser, market)
    weighted: int256 = -health.equity * convert(held.maintenance, int256)
    lacking: int256 = math._ceil_div_signed(weighted, health.maintenance)
    if adl_closing.RULES.covered:
        allowed: uint256 = insurance._allowance(market)
        lacking -= convert(min(allowed, math._positive(lacking)), int256)
    lots: uint256 = math._magnitude(held.size)
    return ISharePolicy.Asked(
        lots=lots,
        open_interest=adl_jobs._market(market).open_interest,
        loss=math._ceil_div_signed(lacking, lots),
    )


@internal
def _scan(loser: uint256, market: uint256, level: uint256, count: uint256):
    number: uint256 = adl_jobs._number_for(loser, market, False)
    job: IAdl.Job = adl_jobs._load(number)
    longs: bool = self._longs(loser, market)
    adl_jobs._save(number, adl_quotas._scan(loser, market, longs, job, level, count))


# @notice As adl_closing; a closing that begins finds quotas for all that the loser has.
@internal
def _close(loser: uint256, fills: uint256):
    if adl_closing.closings[loser].phase == adl_closing.NOTHING:
        rest: uint256 = staticcall adl_jobs.POOL.legs_of(loser)
        for i: uint256 in range(MAX_LEGS):
            if rest == 0:
                break
            market: uint256 = math._lowest_bit(rest)
            rest &= rest - 1
            job: IAdl.Job = self._job(loser, market)
            fits: bool = job.lots == adl_jobs._lots(loser, market)
            require._that(fits or job.phase != adl_jobs.READY, "adl: lots have changed")
    adl_closing._close(loser, fills)


# @notice At the end of a call: end a job that nobody needs, lock the market of one that lives on.
@internal
def _tidy(loser: uint256, market: uint256):
    job: IAdl.Job = self._job(loser, market)
    if job.phase == adl_jobs.ABSENT:
        return
    reason: uint256 = self._reason_to_end(loser, market, job)
    if reason <= EXPIRED:
        self._end(loser, market, reason)
    else:
        adl_locks._lock(loser, market)


# @return A reason of SharesEnded, or more than EXPIRED where the job is needed.
@internal
@view
def _reason_to_end(loser: uint256, market: uint256, job: IAdl.Job) -> uint256:
    if job.serving != 0:
        return ALL
    lots: uint256 = adl_jobs._lots(loser, market)
    due: bool = adl_closing._is_due(loser, adl_jobs._health(loser))
    if lots == 0 or not due:
        return LOSER_CLOSED
    if job.phase == adl_jobs.READY and job.lots != lots:
        return UNFIT
    return ALL


@internal
def _end(loser: uint256, market: uint256, reason: uint256):
    adl_jobs._erase(adl_jobs._number_for(loser, market, False))
    adl_locks._unlock(loser, market)
    log IAdlShares.SharesEnded(loser=loser, market=market, reason=reason)
