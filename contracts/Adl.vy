# pragma version 0.4.3
"""
@title Adl
@license MIT
@notice Auto-deleveraging. See IAdl for the mechanism and modules/adl_closing.vy for the rule of fills and gaps.
"""

from .interfaces import IAdl
from .interfaces import IAdlPolicy
from .interfaces import IInsuranceFund
from .interfaces import IMarginPool
from .modules import adl_closing
from .modules import adl_jobs
from .modules import adl_queue
from .modules import insurance
from .modules import require

implements: IAdl

initializes: adl_jobs
initializes: adl_queue[adl_jobs := adl_jobs]
initializes: insurance
initializes: adl_closing[adl_jobs := adl_jobs, insurance := insurance]

# Losers and plans of one call of `deleverage`.
MAX_LOSERS: constant(uint256) = 16
MAX_PLANS: constant(uint256) = 16
ALL: constant(uint256) = max_value(uint256)
# The pool's account of what no layer could take: the one that stays below zero.
DEFICIT: constant(uint256) = 2

# reasons of JobEnded
LOSER_CLOSED: constant(uint256) = 0
USED_UP: constant(uint256) = 1
EXPIRED: constant(uint256) = 2

# Jobs that have outlived their transaction.
locked_jobs: uint256


# @param policy Scores the winners.
# @param fund The insurance fund; the empty address = none.
@deploy
def __init__(pool: IMarginPool, policy: IAdlPolicy, fund: IInsuranceFund, rules: IAdl.Rules):
    adl_jobs.__init__(pool, rules.price, False)
    adl_queue.__init__(policy)
    insurance.__init__(pool, fund)
    adl_closing.__init__(rules)


# --- anyone --------------------------------------------------------------------------------


@external
def deleverage(losers: DynArray[uint256, MAX_LOSERS], plans: DynArray[IAdl.Plan, MAX_PLANS]):
    needy: DynArray[uint256, MAX_LOSERS] = []
    for loser: uint256 in losers:
        if self._can_close(loser):
            needy.append(loser)
    for i: uint256 in range(len(plans), bound=MAX_PLANS):
        self._prepare(needy, plans[i])
    for loser: uint256 in losers:
        # One before it may have used a queue up, and keeps it until it goes on.
        if self._can_close(loser) and not adl_closing._is_waiting(loser):
            adl_closing._close(loser, ALL)
    for i: uint256 in range(len(plans), bound=MAX_PLANS):
        self._tidy(plans[i].market, plans[i].longs)


@external
def open_jobs(loser: uint256, asked: DynArray[IAdl.Ask, MAX_PLANS]):
    adl_closing._check(loser, adl_jobs._health(loser))
    for i: uint256 in range(len(asked), bound=MAX_PLANS):
        self._lock(asked[i].market, self._open(asked[i].market, loser, asked[i].threshold))


@external
def scan(market: uint256, longs: bool, count: uint256):
    number: uint256 = adl_jobs._number(market, longs)
    everyone: bool = adl_closing.RULES.everyone
    adl_jobs._save(number, adl_queue._scan(market, longs, adl_jobs._load(number), count, everyone))


@external
def order(
    market: uint256,
    longs: bool,
    start: uint256,
    places: DynArray[uint256, adl_queue.MAX_RANKS],
):
    self._order(market, longs, start, places)


@external
def close(loser: uint256, fills: uint256):
    adl_closing._close(loser, fills)


@external
def end_job(market: uint256, longs: bool):
    number: uint256 = adl_jobs._number(market, longs)
    job: IAdl.Job = adl_jobs._load(number)
    require._that(job.phase != adl_jobs.ABSENT, "adl: wrong phase")
    expired: bool = block.number > job.opened_in + adl_jobs.LIFETIME
    if expired and job.serving != 0:
        adl_closing._abandon(job.serving)
    reason: uint256 = EXPIRED if expired else self._reason_to_end(market, longs, job)
    require._that(reason <= EXPIRED, "adl: job is needed")
    self._end(market, longs, job, reason)


# --- views ---------------------------------------------------------------------------------


@external
@view
def job(market: uint256, longs: bool) -> IAdl.Job:
    return adl_jobs._load(adl_jobs._number(market, longs))


@external
@view
def side(market: uint256, longs: bool) -> IAdlPolicy.Side:
    job: IAdl.Job = adl_jobs._load(adl_jobs._number(market, longs))
    if job.phase == adl_jobs.ABSENT:
        job = adl_jobs._opened(market, 0, longs, 0)
    return adl_jobs._side(market, longs, job)


@external
@view
def entry(market: uint256, longs: bool, place: uint256) -> uint256:
    return adl_jobs.queue[adl_jobs._number(market, longs) << 32 | place]


@external
@view
def told(market: uint256, longs: bool, rank: uint256) -> uint256:
    return adl_jobs._slot(adl_jobs._number(market, longs), rank) & adl_jobs.WORD_MASK


@external
@view
def policy() -> address:
    return adl_queue.POLICY.address


@external
@view
def everyone() -> bool:
    return adl_closing.RULES.everyone


# --- internals -----------------------------------------------------------------------------


# @notice Bring the job of a plan to readiness, opening it for the first loser that needs it.
# @param losers Accounts that can be closed.
@internal
def _prepare(losers: DynArray[uint256, MAX_LOSERS], plan: IAdl.Plan):
    number: uint256 = adl_jobs._number(plan.market, plan.longs)
    if adl_jobs._load(number).phase == adl_jobs.ABSENT:
        for loser: uint256 in losers:
            if self._faces(loser, plan.market, plan.longs):
                self._open(plan.market, loser, plan.threshold)
                break
    job: IAdl.Job = adl_jobs._load(number)
    if job.phase == adl_jobs.SCANNING:
        job = adl_queue._scan(plan.market, plan.longs, job, ALL, adl_closing.RULES.everyone)
        adl_jobs._save(number, job)
    if job.phase == adl_jobs.ORDERING:
        self._order(plan.market, plan.longs, job.next, plan.order)


# @notice Whether an account holds a leg whose other side is `longs`.
@internal
@view
def _faces(account: uint256, market: uint256, longs: bool) -> bool:
    size: int256 = adl_jobs._position(account, market).size
    return size != 0 and (size < 0) == longs


@internal
@view
def _can_close(account: uint256) -> bool:
    health: IMarginPool.Health = adl_jobs._health(account)
    if health.stale_notional != 0 or account == DEFICIT:
        return False
    return adl_closing._is_due(account, health)


# @param loser An account that can be closed.
# @return The side that the job ranks.
@internal
def _open(market: uint256, loser: uint256, threshold: uint256) -> bool:
    size: int256 = adl_jobs._position(loser, market).size
    require._that(size != 0, "adl: no position")
    longs: bool = size < 0
    number: uint256 = adl_jobs._number(market, longs)
    require._that(adl_jobs._load(number).phase == adl_jobs.ABSENT, "adl: job is open")
    job: IAdl.Job = adl_jobs._opened(market, loser, longs, threshold)
    adl_jobs._save(number, job)
    log IAdl.JobOpened(
        market=market,
        longs=longs,
        loser=loser,
        mark=job.mark,
        previous_mark=job.previous_mark,
        funding=job.funding,
        holders=job.length,
    )
    return longs


@internal
def _order(
    market: uint256,
    longs: bool,
    start: uint256,
    places: DynArray[uint256, adl_queue.MAX_RANKS],
):
    number: uint256 = adl_jobs._number(market, longs)
    job: IAdl.Job = adl_queue._order(number, adl_jobs._load(number), start, places)
    adl_jobs._save(number, job)
    if job.phase == adl_jobs.READY:
        log IAdl.JobReady(market=market, longs=longs, enrolled=job.enrolled, lots=job.lots)


# @notice At the end of a call: end a job that nobody needs, lock the market of one that lives on.
@internal
def _tidy(market: uint256, longs: bool):
    number: uint256 = adl_jobs._number(market, longs)
    job: IAdl.Job = adl_jobs._load(number)
    if job.phase == adl_jobs.ABSENT:
        return
    reason: uint256 = self._reason_to_end(market, longs, job)
    if reason <= EXPIRED:
        self._end(market, longs, job, reason)
    else:
        self._lock(market, longs)


# @notice Lock the market of a job that outlives its call.
@internal
def _lock(market: uint256, longs: bool):
    number: uint256 = adl_jobs._number(market, longs)
    job: IAdl.Job = adl_jobs._load(number)
    if not job.locked:
        job.locked = True
        adl_jobs._save(number, job)
        self._count_locked(market, longs, True)


# @return A reason of JobEnded, or more than EXPIRED where the job is needed.
@internal
@view
def _reason_to_end(market: uint256, longs: bool, job: IAdl.Job) -> uint256:
    if job.serving != 0:
        return ALL
    due: bool = adl_closing._is_due(job.loser, adl_jobs._health(job.loser))
    if not due or not self._faces(job.loser, market, longs):
        return LOSER_CLOSED
    if job.phase == adl_jobs.READY and job.lots < adl_jobs._lots(job.loser, market):
        return USED_UP
    return ALL


@internal
def _end(market: uint256, longs: bool, job: IAdl.Job, reason: uint256):
    adl_jobs._erase(adl_jobs._number(market, longs))
    if job.locked:
        self._count_locked(market, longs, False)
    log IAdl.JobEnded(market=market, longs=longs, reason=reason)


# @notice Lock or unlock a market, unless the job of its other side keeps it locked, and hold seniority for as
#         long as any market is locked.
@internal
def _count_locked(market: uint256, longs: bool, locked: bool):
    if not adl_jobs._load(adl_jobs._number(market, not longs)).locked:
        extcall adl_jobs.POOL.lock_market(market, locked)
    if locked:
        self.locked_jobs += 1
        if self.locked_jobs == 1:
            extcall adl_jobs.POOL.hold_seniority(True)
    else:
        self.locked_jobs -= 1
        if self.locked_jobs == 0:
            extcall adl_jobs.POOL.hold_seniority(False)
