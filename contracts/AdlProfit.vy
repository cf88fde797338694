# pragma version 0.4.3
"""
@title AdlProfit
@license MIT
@notice Auto-deleveraging pro rata on session profit: nobody is closed but the loser. See IAdlProfit.
@dev Who pays is who holds when the market's job weighs. Until the job has ended its market is locked, so that only a
     closing moves lots there: the lists keep their holders, and none of them can leave before it has paid.
"""

from .interfaces import IAdlIndex
from .interfaces import IAdlProfit
from .interfaces import IBackstop
from .interfaces import IInsuranceFund
from .interfaces import IMarginPool
from .modules import debtors
from .modules import insurance
from .modules import math
from .modules import require

implements: IAdlProfit

initializes: insurance
initializes: debtors[insurance := insurance]

# Losers of one call of `close`: ~70k gas each, and what their legs take.
MAX_LOSERS: constant(uint256) = 16
# Markets of which one call goes on with the job: those of the legs that it has taken.
MAX_MARKETS: constant(uint256) = debtors.MAX_LEGS
# Pages of one call: 64 * 32 holders of ~8k gas, as many as 2**24 gas can pay for.
MAX_PAGES: constant(uint256) = 64
PAGE: constant(uint256) = 32
# Turns of one call: ~12k gas each at least, ~80k where it is a payment.
MAX_TURNS: constant(uint256) = 1024

ABSENT: constant(uint256) = 0
SCANNING: constant(uint256) = 1
COLLECTING: constant(uint256) = 2

# A weight is a multiple of this, quote. 2**25 holders, those of both lists, add up to less than 2**105; what they are to
# bear is below 2**145, and its product with any sum of weights below 2**250.
WEIGHT_UNIT: constant(uint256) = 10**12
MAX_WEIGHT: constant(uint256) = 2**80 - 1

PRICE_MASK: constant(uint256) = 2**80 - 1
WORD_MASK: constant(uint256) = 2**32 - 1
TAG_MASK: constant(uint256) = 2**96 - 1

# The venue's rules.
RULES: immutable(IAdlProfit.Rules)

# By market: funding << 168 | phase << 144 | shorts << 112 | longs << 80 | mark
terms: HashMap[uint256, int256]

# By market: sum of weights | sum of those who have paid << 128
weights: HashMap[uint256, uint256]

# By market: due | debts << 160 | serving << 192
dues: HashMap[uint256, uint256]

# By market: given | cursor << 160 | noted << 192 | next << 224
turns: HashMap[uint256, uint256]

# By market << 32 | place: account | quote that it owes there << 32
debts: HashMap[uint256, uint256]

# By market << 32 | rank: account | weight << 32
holders: HashMap[uint256, uint256]

# By market << 32 | account: low 96 bits of the entry notional of the position that was charged | quote charged << 96
charged: HashMap[uint256, uint256]

# By account: what it owes, while it does
claims: HashMap[uint256, Claim]

# Bitmap of the markets that are locked.
locked: uint256


# The closing of a loser.
struct Claim:
    owed: uint256
    covered: uint256  # by the insurance fund
    left: uint256  # for which there was no profit
    markets: uint256  # bitmap of those where a debt is not settled


# @param fund The insurance fund; the empty address = none.
@deploy
def __init__(pool: IMarginPool, fund: IInsuranceFund, backstop: IBackstop, rules: IAdlProfit.Rules):
    insurance.__init__(pool, fund)
    debtors.__init__(backstop, rules.delay, rules.liquidator)
    RULES = rules


# --- anyone --------------------------------------------------------------------------------


@external
def close(losers: DynArray[uint256, MAX_LOSERS], steps: uint256):
    room: uint256 = debtors.MAX_LEGS
    touched: uint256 = 0
    for loser: uint256 in losers:
        legs: uint256 = 0
        markets: uint256 = 0
        legs, markets = self._take(loser, room)
        room -= legs
        touched |= markets
    left: uint256 = steps
    for i: uint256 in range(MAX_MARKETS):
        if touched == 0:
            break
        left = self._go_on(math._lowest_bit(touched), left)
        touched &= touched - 1


@external
def proceed(market: uint256, steps: uint256):
    require._that(self._load(market).phase != ABSENT, "adl: no job")
    self._go_on(market, steps)


# --- views ---------------------------------------------------------------------------------


@external
@view
def job(market: uint256) -> IAdlProfit.Job:
    return self._load(market)


@external
@view
def debt(market: uint256, place: uint256) -> (uint256, uint256):
    word: uint256 = self.debts[market << 32 | place]
    return word & WORD_MASK, word >> 32


@external
@view
def noted(market: uint256, rank: uint256) -> (uint256, uint256):
    word: uint256 = self.holders[market << 32 | rank]
    return word & WORD_MASK, word >> 32


@external
@view
def owing(account: uint256) -> uint256:
    return self.claims[account].markets


@external
@view
def rules() -> IAdlProfit.Rules:
    return RULES


# --- taking a loser ------------------------------------------------------------------------


# @notice Take a loser, unless it is to be passed over.
# @param room Most legs that it may have.
# @return Its legs, and a bitmap of the markets where it has a debt now.
@internal
def _take(loser: uint256, room: uint256) -> (uint256, uint256):
    health: IMarginPool.Health = staticcall insurance.POOL.health(loser)
    if not debtors._is_due(loser, health) or health.stale_notional != 0:
        return 0, 0
    page: uint256 = debtors._page(health.legs)
    count: uint256 = math._count_bits(page)
    if count > room or (page == 0 and health.legs != 0):
        return 0, 0
    if self.claims[loser].markets != 0 or not self._admits(page):
        return 0, 0
    legs: DynArray[debtors.Leg, debtors.MAX_LEGS] = debtors._legs(loser, page)
    debtors._hand_over(loser, debtors._taker_of(loser), legs)
    claim: Claim = self._claim(loser, math._magnitude(health.equity), legs)
    if claim.markets == 0:
        self._finish(loser, claim)
    else:
        self.claims[loser] = claim
    return count, claim.markets


# @notice Whether debts may join the jobs of all these markets: those that weigh, at the prices of now. At others lots that
#         the backstop takes now would be a profit or a loss of it.
@internal
@view
def _admits(markets: uint256) -> bool:
    rest: uint256 = markets
    for i: uint256 in range(debtors.MAX_LEGS):
        if rest == 0:
            break
        market: uint256 = math._lowest_bit(rest)
        rest &= rest - 1
        job: IAdlProfit.Job = self._load(market)
        if job.phase == ABSENT:
            continue
        now: IAdlProfit.Job = self._opened(market)
        if job.phase != SCANNING or job.mark != now.mark or job.funding != now.funding:
            return False
    return True


# @notice Have the fund pay what it may in each market; the rest joins the debts of its job.
@internal
def _claim(loser: uint256, owed: uint256, legs: DynArray[debtors.Leg, debtors.MAX_LEGS]) -> Claim:
    claim: Claim = Claim(owed=owed, covered=0, left=0, markets=0)
    shares: DynArray[uint256, debtors.MAX_LEGS] = debtors._shares(owed, legs)
    for i: uint256 in range(len(legs), bound=debtors.MAX_LEGS):
        market: uint256 = legs[i].market
        covered: uint256 = insurance._cover(loser, market, shares[i])
        claim.covered += covered
        if covered != shares[i]:
            self._join(market, loser, shares[i] - covered)
            claim.markets |= 1 << market
    if len(legs) == 0:
        claim.left = owed
    return claim


@internal
def _join(market: uint256, loser: uint256, amount: uint256):
    job: IAdlProfit.Job = self._load(market)
    if job.phase == ABSENT:
        job = self._opened(market)
    self.debts[market << 32 | job.debts] = amount << 32 | loser
    job.debts += 1
    job.due += amount
    self._save(market, job)
    log IAdlProfit.DebtJoined(market=market, account=loser, amount=amount)


# @notice One debt of a loser is settled.
# @param left What of it nobody bears.
@internal
def _settle(market: uint256, loser: uint256, left: uint256):
    claim: Claim = self.claims[loser]
    claim.left += left
    claim.markets &= ~(1 << market)
    self.claims[loser] = claim
    if claim.markets == 0:
        self._finish(loser, claim)


# @dev A loser that has kept its lots can't be written off; one that has paid in may be above zero.
@internal
def _finish(loser: uint256, claim: Claim):
    if claim.left != 0:
        health: IMarginPool.Health = staticcall insurance.POOL.health(loser)
        if health.legs == 0 and health.equity < 0:
            extcall insurance.POOL.write_off(loser)
    log IAdlIndex.Socialized(
        account=loser,
        owed=claim.owed,
        covered=claim.covered,
        charged=claim.owed - claim.covered - claim.left,
        left=claim.left,
    )


# --- jobs ----------------------------------------------------------------------------------


# @notice Go on with the job of a market; lock the market if the job is to go on, and open it once it has ended.
# @return Steps that are left.
@internal
def _go_on(market: uint256, steps: uint256) -> uint256:
    job: IAdlProfit.Job = self._load(market)
    left: uint256 = steps
    if job.phase == SCANNING:
        job, left = self._scan(market, job, left)
    if job.phase == COLLECTING:
        job, left = self._collect(market, job, left)
    done: bool = job.phase == COLLECTING and job.serving == job.debts
    if done:
        job.phase = ABSENT
    self._save(market, job)
    self._lock(market, not done)
    return left


# @notice Weigh holders, and note those who have a weight. After the last one the job collects.
@internal
def _scan(market: uint256, begun: IAdlProfit.Job, steps: uint256) -> (IAdlProfit.Job, uint256):
    job: IAdlProfit.Job = begun
    left: uint256 = steps
    for page: uint256 in range(MAX_PAGES):
        longs: bool = job.cursor < job.longs
        end: uint256 = job.longs if longs else job.longs + job.shorts
        count: uint256 = min(min(left, PAGE), end - job.cursor)
        if count == 0:
            break
        found: DynArray[IMarginPool.Candidate, PAGE] = staticcall insurance.POOL.candidates(
            market,
            longs,
            job.cursor if longs else job.cursor - job.longs,
            count,
            job.mark,
            job.funding,
        )
        for holder: IMarginPool.Candidate in found:
            weight: uint256 = self._weigh(market, holder)
            if weight != 0:
                self.holders[market << 32 | job.noted] = weight << 32 | holder.account
                job.noted += 1
                job.total += weight
        job.cursor += count
        left -= count
    if job.cursor == job.longs + job.shorts:
        job.phase = COLLECTING
        job.due = min(job.due, job.total * WEIGHT_UNIT)
        log IAdlProfit.CollectionBegun(
            market=market, holders=job.noted, total=job.total, due=job.due
        )
    return job, left


# @notice The weight of a holder. From then on what it is charged counts against the position that it has now.
# @dev A position that has changed has another entry notional: what it was charged before is forgotten.
@internal
def _weigh(market: uint256, holder: IMarginPool.Candidate) -> uint256:
    if holder.pnl <= 0 or holder.equity <= 0:
        return 0
    key: uint256 = market << 32 | holder.account
    tag: uint256 = holder.entry_notional & TAG_MASK
    word: uint256 = self.charged[key]
    profit: uint256 = convert(holder.pnl, uint256)
    if word & TAG_MASK == tag:
        profit -= min(profit, word >> 96)
    else:
        word = tag
    weight: uint256 = min(profit, convert(holder.equity, uint256)) // WEIGHT_UNIT
    if weight != 0:
        self.charged[key] = word
    return min(weight, MAX_WEIGHT)


# @notice Have holders pay debts, one payment a turn.
@internal
def _collect(market: uint256, begun: IAdlProfit.Job, steps: uint256) -> (IAdlProfit.Job, uint256):
    job: IAdlProfit.Job = begun
    left: uint256 = steps
    for turn: uint256 in range(MAX_TURNS):
        if left == 0 or job.serving == job.debts:
            break
        left -= 1
        slot: uint256 = market << 32 | job.serving
        loser: uint256 = self.debts[slot] & WORD_MASK
        owed: uint256 = self.debts[slot] >> 32
        if job.next == job.noted:
            self._settle(market, loser, owed)
            job.serving += 1
            continue
        entry: uint256 = self.holders[market << 32 | job.next]
        weight: uint256 = entry >> 32
        share: uint256 = self._share(job, weight)
        able: uint256 = min(share, self._able(entry & WORD_MASK)) if share != 0 else 0
        amount: uint256 = min(able, owed)
        if amount != 0:
            self._pay(market, loser, entry & WORD_MASK, amount)
            self.debts[slot] -= amount << 32
        if amount == able:
            job.next += 1
            job.passed += weight
            job.given = 0
        else:
            job.given += amount
        if amount == owed:
            self._settle(market, loser, 0)
            job.serving += 1
    return job, left


# @notice What the holder whose turn it is has still to pay.
@internal
@pure
def _share(job: IAdlProfit.Job, weight: uint256) -> uint256:
    before: uint256 = job.due * job.passed // job.total
    return job.due * (job.passed + weight) // job.total - before - job.given


# @notice Most that a holder can pay now.
@internal
@view
def _able(holder: uint256) -> uint256:
    if self.claims[holder].markets != 0:
        return 0
    health: IMarginPool.Health = staticcall insurance.POOL.health(holder)
    return math._positive(health.equity) if health.legs != 0 else 0


@internal
def _pay(market: uint256, loser: uint256, holder: uint256, amount: uint256):
    extcall insurance.POOL.pay(holder, loser, amount)
    self.charged[market << 32 | holder] += amount << 96
    log IAdlProfit.ProfitCharged(market=market, account=loser, holder=holder, amount=amount)


# @notice Lock or unlock a market, and hold seniority for as long as any is locked.
@internal
def _lock(market: uint256, wanted: bool):
    before: uint256 = self.locked
    bit: uint256 = 1 << market
    if (before & bit != 0) == wanted:
        return
    after: uint256 = before ^ bit
    self.locked = after
    extcall insurance.POOL.lock_market(market, wanted)
    if before == 0 or after == 0:
        extcall insurance.POOL.hold_seniority(wanted)


# --- what is stored of a job ---------------------------------------------------------------


# @notice A job as it begins: prices and the lengths of the holder lists are fixed with it.
@internal
@view
def _opened(market: uint256) -> IAdlProfit.Job:
    seen: IMarginPool.Market = staticcall insurance.POOL.market(market)
    job: IAdlProfit.Job = empty(IAdlProfit.Job)
    job.phase = SCANNING
    job.mark = seen.mark
    job.funding = seen.funding
    job.longs = staticcall insurance.POOL.holder_count(market, True)
    job.shorts = staticcall insurance.POOL.holder_count(market, False)
    return job


@internal
@view
def _load(market: uint256) -> IAdlProfit.Job:
    word: int256 = self.terms[market]
    low: uint256 = convert(word & (2**168 - 1), uint256)
    if low >> 144 == ABSENT:
        return empty(IAdlProfit.Job)
    sums: uint256 = self.weights[market]
    dues: uint256 = self.dues[market]
    turn: uint256 = self.turns[market]
    return IAdlProfit.Job(
        phase=low >> 144,
        mark=low & PRICE_MASK,
        funding=word >> 168,
        longs=(low >> 80) & WORD_MASK,
        shorts=(low >> 112) & WORD_MASK,
        cursor=(turn >> 160) & WORD_MASK,
        noted=(turn >> 192) & WORD_MASK,
        total=sums & (2**128 - 1),
        debts=(dues >> 160) & WORD_MASK,
        due=dues & (2**160 - 1),
        serving=dues >> 192,
        next=turn >> 224,
        passed=sums >> 128,
        given=turn & (2**160 - 1),
    )


# @dev |funding| < 2**86: inside its 88 bits. All that accounts owe is below 2**160. A job that has ended leaves its words
#      as they are, so that the next one pays 5,000 gas for each and not 22,100.
@internal
def _save(market: uint256, job: IAdlProfit.Job):
    low: uint256 = job.phase << 144 | job.shorts << 112 | job.longs << 80 | job.mark
    self.terms[market] = job.funding << 168 | convert(low, int256)
    self.weights[market] = job.passed << 128 | job.total
    self.dues[market] = job.serving << 192 | job.debts << 160 | job.due
    self.turns[market] = job.next << 224 | job.noted << 192 | job.cursor << 160 | job.given
