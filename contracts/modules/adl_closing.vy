# pragma version 0.4.3
"""
@title adl_closing
@license MIT
@notice Closing an account that is below zero: its lots go to the front of each market's queue, then those
        who won bear what it still owes.
@dev Rule R. Fills: a winner in profit (tier 1) is closed at the venue's price, the previous mark p, say, any other
     at the mark c, unless the price holds for everyone; what it takes from a winner against c is cut to its equity,
     in the quote, not in the lots. Where an insurance fund pays, it does so fill by fill. Gap: once all legs are
     closed the account owes G; each market gets its share of G by maintenance margin, winners bear it from the
     front of the queue out of what they won and have left; what a market can't bear goes to the others in
     (market, rank) order, and what is left then to the next layer.
"""

from ..interfaces import IAdl
from ..interfaces import ILiquidator
from ..interfaces import IMarginPool
from . import adl_jobs
from . import adl_keys
from . import insurance
from . import math
from . import require

uses: adl_jobs
uses: insurance

NOTHING: constant(uint256) = 0
FILLING: constant(uint256) = 1
# Each market bears its share of the gap.
SHARING: constant(uint256) = 2
# What is left of the gap goes over all markets again.
SPREADING: constant(uint256) = 3

# Fills and gap payments of one call; a page of this size stays below 2**24 gas.
MAX_STEPS: constant(uint256) = 320
FEE_UNIT: constant(uint256) = 10**6
# Bits of a bitmap of legs.
MAX_MARKETS: constant(uint256) = 256

# Turns of a queue, see IAdl.Job.
SKIPPED: constant(uint256) = 1
LAST: constant(uint256) = 2

# Who is closed.
BELOW_ZERO: constant(uint256) = 0
UNRESTORED: constant(uint256) = 1
FUND_SHORT: constant(uint256) = 2
ORDERED: constant(uint256) = 3

# The venue's rules.
RULES: immutable(IAdl.Rules)

# Closings that did not end in the call that began them, by account
closings: HashMap[uint256, Closing]

# Maintenance margin of each leg when the closing began, by account and market
weights: HashMap[uint256, HashMap[uint256, uint256]]

# Of a venue that restores: epoch in which what the liquidator had left of an account was last closed
closed_in: HashMap[uint256, uint256]

# How each leg is closed at bankruptcy, by account and market
orders: HashMap[uint256, HashMap[uint256, Order]]


struct Closing:
    phase: uint256
    epoch: uint256  # in which it began
    legs: uint256  # markets of the account when the closing began
    rest: uint256  # those not done in this phase
    longs: uint256  # markets in which the account was long
    gained: int256  # what fills have given it against mark
    weight: uint256  # sum of the weights of all legs
    gap: uint256  # what it owed after its legs were closed
    left: uint256  # of the gap
    shared: uint256  # of the gap, among the markets before the one at hand
    due: uint256  # what the market at hand has to bear
    rank: uint256  # next rank of the market at hand, plus 1; 0 = not begun
    closed: uint256  # notional at mark of what was filled
    drawn: uint256  # markets whose order is drawn up, where closing is at bankruptcy
    lacking: int256  # what all legs together are to give it against mark there
    undrawn: int256  # of that, those whose order is not drawn up


# A leg that is closed at bankruptcy.
struct Order:
    size: uint256  # lots of the leg when the closing began
    left: uint256  # lots to be closed; if not all, `size` stands for what the others would have got
    lacking: int256  # quote that `size` lots give the account against mark
    cover: int256  # the part of it that the insurance fund means to pay


@deploy
def __init__(rules: IAdl.Rules):
    assert rules.trigger <= ORDERED and rules.price <= adl_jobs.PROVIDER, "adl: bad rules"
    assert 0 < rules.below_num and rules.below_num <= rules.below_den, "adl: bad rules"
    assert rules.everyone or not rules.overlapping, "adl: bad rules"
    # Else what is ordered of an account would have all of it closed, at a price that gives its equity away.
    restores: bool = rules.restoring and rules.price == adl_jobs.BANKRUPTCY
    assert rules.trigger != ORDERED or restores, "adl: bad rules"
    RULES = rules


# @notice Refuse an account that is not to be closed now.
@internal
@view
def _check(account: uint256, health: IMarginPool.Health):
    require._that(self._is_due(account, health), "adl: account is not below zero")
    self._check_fresh(health)


@internal
@pure
def _check_fresh(health: IMarginPool.Health):
    require._that(health.stale_notional == 0, "adl: stale mark")


# @notice Whether the venue's rules have an account closed now.
@internal
@view
def _is_due(account: uint256, health: IMarginPool.Health) -> bool:
    if RULES.delay != 0:
        since: uint256 = staticcall RULES.liquidator.due_since(account)
        if since == 0 or block.number < since + RULES.delay:
            return False
    if health.equity < 0:
        return True
    if RULES.trigger == BELOW_ZERO or health.protocol:
        return False
    if RULES.trigger != ORDERED and (
        health.equity * RULES.below_den >= convert(health.maintenance, int256) * RULES.below_num
    ):
        return False
    # By a measure that a gift of a few units does not meet: else anyone could keep an account from being closed.
    if RULES.trigger == FUND_SHORT and (
        insurance._allowance(math._lowest_bit(health.legs)) >= health.maintenance
    ):
        return False
    # What restores an account is closed once: a loss at bankruptcy leaves it below maintenance, and it is for the
    # liquidator to order more.
    if RULES.restoring and self.closed_in[account] == adl_jobs._epoch():
        return False
    return self._is_handled(account)


# @notice Whether the liquidator has done for an account what it can in this epoch.
@internal
@view
def _is_handled(account: uint256) -> bool:
    epoch: uint256 = (staticcall RULES.liquidator.last_handled(account))[0]
    return epoch == adl_jobs._epoch()


# @notice Whether a job that an account needs serves another.
@internal
@view
def _is_waiting(account: uint256) -> bool:
    rest: uint256 = staticcall adl_jobs.POOL.legs_of(account)
    for i: uint256 in range(MAX_MARKETS):
        if rest == 0:
            break
        market: uint256 = math._lowest_bit(rest)
        rest &= unsafe_sub(rest, 1)  # not 0
        size: int256 = adl_jobs._position(account, market).size
        if adl_jobs._load(adl_jobs._number(market, size < 0)).serving not in [0, account]:
            return True
    return False


# @notice Go on with a closing, or begin it, by at most `steps` fills and payments.
@internal
def _close(account: uint256, steps: uint256):
    closing: Closing = empty(Closing)
    if self.closings[account].phase != NOTHING:
        closing = self.closings[account]
    resumed: bool = closing.phase != NOTHING
    budget: uint256 = min(steps, MAX_STEPS)
    if closing.phase != SHARING and closing.phase != SPREADING:
        health: IMarginPool.Health = adl_jobs._health(account)
        self._check_fresh(health)
        if not resumed:
            closing = self._begun(account, health)
        elif health.equity - closing.gained >= 0 and (
            RULES.trigger == BELOW_ZERO or closing.epoch != adl_jobs._epoch()
        ):
            log IAdl.ClosingDropped(account=account, equity=health.equity)
            self._release(account, closing.legs, closing.longs)
            return
        for i: uint256 in range(MAX_MARKETS):
            if closing.rest == 0 or budget == 0:
                break
            rest: uint256 = closing.rest
            closing, budget = self._fill_market(account, closing, budget)
            if closing.rest == rest:
                break
        if closing.rest == 0:
            closing = self._owed(account, closing)
    for i: uint256 in range(2 * MAX_MARKETS):
        if closing.phase == FILLING or closing.left == 0 or budget == 0:
            break
        if closing.rest == 0 and closing.phase == SPREADING:
            break
        closing, budget = self._bear_market(account, closing, budget)
    if closing.phase == FILLING or (closing.left != 0 and budget == 0):
        self.closings[account] = closing
    else:
        self._end(account, closing)


# --- beginning ----------------------------------------------------------------------------


@internal
def _begun(account: uint256, health: IMarginPool.Health) -> Closing:
    self._check(account, health)
    closing: Closing = empty(Closing)
    closing.phase = FILLING
    closing.epoch = adl_jobs._epoch()
    closing.legs = health.legs
    closing.rest = health.legs
    # 0 wraps, and has no bit in common with what it wraps to.
    many: bool = health.legs & unsafe_sub(health.legs, 1) != 0
    restoring: bool = RULES.restoring and self._is_handled(account)
    equity: int256 = health.equity
    rest: uint256 = health.legs
    for i: uint256 in range(MAX_MARKETS):
        if rest == 0:
            break
        market: uint256 = math._lowest_bit(rest)
        rest &= unsafe_sub(rest, 1)  # not 0
        held: IMarginPool.Position = adl_jobs._position(account, market)
        require._that(held.resting_bids | held.resting_asks == 0, "adl: cancel its orders first")
        if held.size > 0:
            closing.longs |= 1 << market
        closing.weight += held.maintenance
        if many:
            self.weights[account][market] = held.maintenance
        equity += self._engage(account, market, held.size)
        if restoring:
            self.orders[account][market] = self._ordered(account, market, held.size)
            closing.drawn |= 1 << market
    require._that(equity < 0 or RULES.trigger != BELOW_ZERO, "adl: job is too old")
    closing.lacking = -equity
    if RULES.price == adl_jobs.PROVIDER:
        # Above zero the others get two thirds, rounded down, of what the account has.
        # Equity is within 2**153 of zero.
        closing.lacking = max(closing.lacking, unsafe_div(unsafe_mul(2, closing.lacking), 3))
    closing.undrawn = closing.lacking
    log IAdl.ClosingBegun(account=account, equity=health.equity, maintenance=health.maintenance)
    return closing


# @notice Make the job of a leg's other side serve this account alone.
# @return What the leg would be worth more at the job's prices than it is at present.
@internal
def _engage(account: uint256, market: uint256, size: int256) -> int256:
    number: uint256 = adl_jobs._number_for(account, market, size < 0)
    job: IAdl.Job = adl_jobs._load(number)
    require._that(job.phase == adl_jobs.READY, "adl: no job is ready")
    require._that(job.serving == 0, "adl: job serves another")
    require._that(job.lots >= math._magnitude(size), "adl: queue is too short")
    job.serving = account
    job.turn = 0
    job.first = job.next
    job.used = job.next
    adl_jobs._save(number, job)
    return -size * self._drift(job, adl_jobs._market(market))


# @notice What a lot long has gained since the job was opened, funding included.
@internal
@pure
def _drift(job: IAdl.Job, seen: IMarginPool.Market) -> int256:
    rise: int256 = convert(seen.mark, int256) - convert(job.mark, int256)
    return rise - seen.funding + job.funding


# --- prices --------------------------------------------------------------------------------


# @notice Fix what a leg gives the account, before its first fill: the legs share what it lacks by maintenance, the last
#         one what the others' rounding left.
# @dev Not all of them when the closing begins: of an account of the protocol with a leg in each market that would not
#      fit into a transaction.
# @param lots Of the leg.
@internal
def _draw_up(account: uint256, market: uint256, lots: uint256, begun: Closing) -> Closing:
    closing: Closing = begun
    lacking: int256 = closing.undrawn
    if closing.rest & unsafe_sub(closing.rest, 1) != 0:  # the market's own bit is set
        weight: int256 = convert(self.weights[account][market], int256)
        lacking = math._ceil_div_signed(closing.lacking * weight, closing.weight)
    closing.undrawn -= lacking
    closing.drawn |= 1 << market
    cover: int256 = self._covered(market, lacking)
    self.orders[account][market] = Order(size=lots, left=lots, lacking=lacking, cover=cover)
    return closing


# @notice The part of what a leg lacks that the fund means to pay.
@internal
@view
def _covered(market: uint256, lacking: int256) -> int256:
    if not RULES.covered:
        return 0
    return convert(min(insurance._allowance(market), math._positive(lacking)), int256)


# @notice What the book has left of the liquidator's order for a leg in this epoch; nothing, where there was none.
@internal
@view
def _ordered(account: uint256, market: uint256, held: int256) -> Order:
    order: Order = empty(Order)
    told: ILiquidator.Order = staticcall RULES.liquidator.order_of(account, market)
    if told.epoch == adl_jobs._epoch():
        order.size = told.size
        order.left = told.left
        job: IAdl.Job = adl_jobs._load(adl_jobs._number_for(account, market, held < 0))
        gained: int256 = self._drift(job, adl_jobs._market(market))
        gained *= convert(told.size, int256)
        order.lacking = (gained if held > 0 else -gained) - told.equity
        order.cover = self._covered(market, order.lacking)
    return order


# @notice What the price gives the account on `lots` of a leg against mark, without what the fund pays.
# @dev Parts of an order add up to the whole of it, whatever the fills.
@internal
@view
def _given(account: uint256, market: uint256, job: IAdl.Job, long: bool, lots: uint256) -> int256:
    if RULES.price < adl_jobs.BANKRUPTCY:
        drop: int256 = convert(job.previous_mark, int256) - convert(job.mark, int256)
        return convert(lots, int256) * (drop if long else -drop)
    order: Order = self.orders[account][market]
    return self._slice(order.lacking - order.cover, order.size - order.left, lots, order.size)


# @notice Have the fund pay its part of `lots` of a leg.
# @return What that takes from this winner's equity, if the fund it is.
@internal
def _cover(account: uint256, market: uint256, lots: uint256, winner: uint256) -> int256:
    order: Order = self.orders[account][market]
    if order.cover == 0:
        return 0
    part: int256 = self._slice(order.cover, order.size - order.left, lots, order.size)
    paid: uint256 = insurance._cover(account, market, math._positive(part))
    return convert(paid, int256) if insurance._is_behind(market, winner) else 0


# @notice The part of an amount that falls to the lots from `done` on.
@internal
@pure
def _slice(amount: int256, done: uint256, lots: uint256, size: uint256) -> int256:
    upto: int256 = math._floor_div_signed(amount * convert(done + lots, int256), size)
    return upto - math._floor_div_signed(amount * convert(done, int256), size)


# --- fills --------------------------------------------------------------------------------


# @notice Fill the lowest market that is left, or as much of it as `steps` allow.
@internal
def _fill_market(account: uint256, begun: Closing, steps: uint256) -> (Closing, uint256):
    closing: Closing = begun
    budget: uint256 = steps
    market: uint256 = math._lowest_bit(closing.rest)
    long: bool = closing.longs & 1 << market != 0
    number: uint256 = adl_jobs._number_for(account, market, not long)
    job: IAdl.Job = adl_jobs._load(number)
    seen: IMarginPool.Market = adl_jobs._market(market)
    lots: uint256 = adl_jobs._lots(account, market)
    if RULES.price >= adl_jobs.BANKRUPTCY:
        if closing.drawn & 1 << market == 0:
            closing = self._draw_up(account, market, lots, closing)
        lots = min(lots, self.orders[account][market].left)
    for i: uint256 in range(MAX_STEPS):
        if lots == 0 or budget == 0 or job.next == job.ordered:
            break
        # Its queue ran dry, and the new one is not in order yet.
        if job.phase != adl_jobs.READY:
            break
        budget -= 1
        slot: uint256 = adl_jobs._slot(number, job.next)
        key: uint256 = adl_jobs.queue[slot] if job.last_key == 0 else job.last_key
        found: DynArray[IMarginPool.Candidate, adl_keys.PAGE] = adl_jobs._candidates(
            market, not long, adl_keys._place(key), 1, job
        )
        filled: uint256 = 0
        # Else deleveraged itself, as a loser of the other side's job: it wins nothing here.
        if len(found) != 0 and found[0].account == adl_keys._account(key):
            filled = min(lots, found[0].size)
            if adl_jobs.SHARED:
                filled = min(filled, adl_jobs._won(key))
            elif RULES.overlapping and job.turn != LAST:
                if not self._overlaps(account, market, job, long, found[0], filled):
                    job.turn = SKIPPED
                    filled = 0
        won: uint256 = 0
        if filled != 0:
            taken: int256 = 0
            won, taken = self._fill(account, market, long, job, seen, found[0], key, filled)
            closing.gained += taken
            closing.closed += filled * job.mark
            lots -= filled
            job.lots -= filled
            job.used = job.next + 1
        adl_jobs.queue[slot] = adl_jobs._with_won(key, won)
        job.last_key = key
        if filled == 0 or adl_jobs.SHARED or filled == found[0].size:
            job.next += 1
            job.last_key = 0
    if lots == 0:
        closing.rest &= unsafe_sub(closing.rest, 1)  # not 0
    elif job.phase == adl_jobs.READY and job.next == job.ordered:
        job = self._again(job)
    adl_jobs._save(number, job)
    return closing, budget


# @notice A queue that ran dry because its winners were losers elsewhere goes on with every holder that is left.
# @dev Whoever was enrolled is gone from the list, so that all who come rank behind; those that this closing
#      has hit keep their ranks, and bear the gap. New quotas have a queue of their own, and bear it alone.
#      Whoever was passed over is tried once more, and again when no other is left: then nobody is passed over.
@internal
@pure
def _again(dry: IAdl.Job) -> IAdl.Job:
    job: IAdl.Job = dry
    if job.turn == SKIPPED and job.threshold == 0:
        job.turn = LAST
    job.phase = adl_jobs.SCANNING
    job.threshold = 0
    job.cursor = 0
    job.lots = 0
    return job


# @notice Whether a winner's own bankruptcy price lets it be closed at this one: a lot costs it no more than the part of its
#         equity that stands behind each lot of its leg.
@internal
@view
def _overlaps(
    account: uint256,
    market: uint256,
    job: IAdl.Job,
    long: bool,
    winner: IMarginPool.Candidate,
    lots: uint256,
) -> bool:
    given: int256 = self._given(account, market, job, long, lots)
    return given * convert(winner.size, int256) <= winner.equity * convert(lots, int256)


# @return What the winner won on these lots, and what the price took from it against mark.
@internal
def _fill(
    account: uint256,
    market: uint256,
    long: bool,
    job: IAdl.Job,
    seen: IMarginPool.Market,
    winner: IMarginPool.Candidate,
    key: uint256,
    lots: uint256,
) -> (uint256, int256):
    # Sign of the loser's side: what the previous mark gives it, the winner loses.
    side: int256 = 1 if long else -1
    in_profit: bool = key >= adl_keys.TIER
    taken: int256 = 0
    equity: int256 = winner.equity
    if in_profit or RULES.everyone:
        equity -= self._cover(account, market, lots, winner.account)
        taken = min(self._given(account, market, job, long, lots), max(equity, 0))
    if RULES.price >= adl_jobs.BANKRUPTCY:
        self.orders[account][market].left -= lots
    # The marks may have moved since the job was opened: who is not below zero at those of now stays so.
    moved: int256 = -side * self._drift(job, seen)
    if equity + convert(winner.size, int256) * moved >= 0:
        taken = min(taken, equity + convert(winner.size - lots, int256) * moved)
    paid: int256 = convert(lots * job.mark, int256) + side * taken
    won: uint256 = self._profit(-side, job, winner, lots, paid)
    # The pool settles at the funding index of now; what has accrued since the job's is made good.
    quote: int256 = paid + convert(lots, int256) * (seen.funding - job.funding)
    buyer: uint256 = winner.account if long else account
    seller: uint256 = account if long else winner.account
    extcall adl_jobs.POOL.exchange(market, buyer, seller, lots, quote)
    log IAdl.Deleveraged(
        market=market,
        account=account,
        winner=winner.account,
        lots=lots,
        quote=quote,
        tier=1 if in_profit else 2,
        key=key,
        taken=taken,
        won=won,
    )
    return won, taken


# @notice Profit that closing `lots` of a winner's position for `paid` realises at the job's funding index;
#         losses count as 0.
# @param side Sign of the winner's position.
# @dev The cost taken out is the one that the pool takes out: floor(cost * lots / size).
@internal
@pure
def _profit(
    side: int256, job: IAdl.Job, winner: IMarginPool.Candidate, lots: uint256, paid: int256
) -> uint256:
    size: int256 = side * convert(winner.size, int256)
    cost: int256 = size * (convert(job.mark, int256) - job.funding) - winner.pnl
    taken_out: int256 = math._floor_div_signed(cost * convert(lots, int256), winner.size)
    proceeds: int256 = side * (paid - convert(lots, int256) * job.funding)
    return math._positive(proceeds - taken_out)


# --- gap ----------------------------------------------------------------------------------


# @notice All legs are closed: what the account owes is shared over its markets.
# @dev One that had no leg met another loser: nobody won from it. One that has traded in another market since
#      its closing began is not final: what it owes then is a matter of a further closing.
@internal
@view
def _owed(account: uint256, filled: Closing) -> Closing:
    closing: Closing = filled
    health: IMarginPool.Health = adl_jobs._health(account)
    closing.phase = SHARING if closing.legs != 0 else SPREADING
    closing.rest = closing.legs
    if health.legs == 0:
        closing.gap = math._positive(-health.equity)
    closing.left = closing.gap
    return closing


# @notice Let the winners of the lowest market that is left bear its part, or go on with it.
@internal
def _bear_market(account: uint256, owed: Closing, steps: uint256) -> (Closing, uint256):
    closing: Closing = owed
    budget: uint256 = steps
    if closing.rest == 0:
        closing.phase = SPREADING
        closing.rest = closing.legs
    market: uint256 = math._lowest_bit(closing.rest)
    longs: bool = closing.longs & 1 << market == 0
    number: uint256 = adl_jobs._number_for(account, market, longs)
    job: IAdl.Job = adl_jobs._load(number)
    if closing.rank == 0:
        closing.rank = job.first + 1
        closing.due = self._due(account, market, closing)
        closing.shared += closing.due
    for i: uint256 in range(MAX_STEPS):
        if closing.due == 0 or closing.rank > job.used or budget == 0:
            break
        budget -= 1
        slot: uint256 = adl_jobs._slot(number, closing.rank - 1)
        borne: uint256 = self._bear(account, market, slot, closing.due)
        closing.due -= borne
        closing.left -= borne
        closing.rank += 1
    if closing.due == 0 or closing.rank > job.used:
        closing.rest &= unsafe_sub(closing.rest, 1)  # not 0
        closing.rank = 0
    return closing, budget


# @notice What a market has to bear: its share by maintenance, rounded down, the last one what the
#         others' rounding left; in the second round all that is left.
@internal
@view
def _due(account: uint256, market: uint256, closing: Closing) -> uint256:
    if closing.phase == SPREADING:
        return closing.left
    if closing.rest & unsafe_sub(closing.rest, 1) == 0:  # not 0
        return closing.gap - closing.shared
    return closing.gap * self.weights[account][market] // closing.weight


@internal
def _bear(account: uint256, market: uint256, slot: uint256, due: uint256) -> uint256:
    entry: uint256 = adl_jobs.queue[slot]
    won: uint256 = adl_jobs._won(entry)
    if won == 0:
        return 0
    winner: uint256 = adl_keys._account(entry)
    equity: int256 = adl_jobs._health(winner).equity
    borne: uint256 = min(min(due, won), math._positive(equity))
    if borne == 0:
        return 0
    adl_jobs.queue[slot] = adl_jobs._with_won(entry, won - borne)
    insurance._pay(winner, account, borne)
    log IAdl.GapBorne(account=account, winner=winner, market=market, amount=borne)
    return borne


# --- end ----------------------------------------------------------------------------------


# @dev The fund's fee comes last, out of what prices that count on all of its equity have left the account.
@internal
def _end(account: uint256, closing: Closing):
    if RULES.restoring:
        self.closed_in[account] = adl_jobs._epoch()
    if RULES.fee != 0:
        fee: uint256 = math._ceil_div(closing.closed * RULES.fee, FEE_UNIT)
        left: int256 = adl_jobs._health(account).equity
        insurance._feed(account, math._lowest_bit(closing.legs), min(fee, math._positive(left)))
    residual: uint256 = 0
    health: IMarginPool.Health = adl_jobs._health(account)
    if closing.gap == 0 and health.legs == 0:
        residual = math._positive(health.equity)
    if residual != 0 and RULES.residual_to not in [0, account]:
        insurance._pay(account, RULES.residual_to, residual)
    if closing.left != 0:
        extcall adl_jobs.POOL.write_off(account)
    log IAdl.Closed(
        account=account,
        residual=residual,
        gap=closing.gap,
        borne=closing.gap - closing.left,
        left=closing.left,
    )
    self._release(account, closing.legs, closing.longs)


# @notice Let the jobs serve others, and forget the closing but for words that the next one writes anew.
@internal
def _release(account: uint256, legs: uint256, longs: uint256):
    rest: uint256 = legs
    for i: uint256 in range(MAX_MARKETS):
        if rest == 0:
            break
        market: uint256 = math._lowest_bit(rest)
        rest &= unsafe_sub(rest, 1)  # not 0
        number: uint256 = adl_jobs._number_for(account, market, longs & 1 << market == 0)
        job: IAdl.Job = adl_jobs._load(number)
        if job.serving == account:
            job.serving = 0
            adl_jobs._save(number, job)
    self.closings[account].phase = NOTHING


# @notice A job has expired under a closing: what was filled stays filled. What a flat account still owes is
#         the next layer's.
@internal
def _abandon(account: uint256):
    health: IMarginPool.Health = adl_jobs._health(account)
    if health.legs == 0 and health.equity < 0:
        extcall adl_jobs.POOL.write_off(account)
    self._release(account, self.closings[account].legs, self.closings[account].longs)
