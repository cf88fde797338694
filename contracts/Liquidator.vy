# pragma version 0.4.3
"""
@title Liquidator
@license MIT
@notice The waterfall of an account below maintenance: book, then backstop. See ILiquidator.
"""

from .interfaces import IBackstop
from .interfaces import ILiquidator
from .interfaces import IMarginPool
from .interfaces import IOrderBook
from .modules import math

implements: ILiquidator

# Accounts of one call.
MAX_ACCOUNTS: constant(uint256) = 16
# Legs of a trader's account.
MAX_LEGS: constant(uint256) = 8
# Makers met by the orders of one account: what remains of a position waits for the next epoch. Where both
# sides have eight legs each costs ~165k gas: 8M, beside 7M for 32 orders, eight legs and a backstop in
# 256 markets.
MAX_MAKERS: constant(uint256) = 48
# Legs of an account that may be weighed at all.
MAX_MARKETS: constant(uint256) = 256
# The pool's account of fees, and of what no layer could take.
FEES: constant(uint256) = 1
DEFICIT: constant(uint256) = 2
FEE_UNIT: constant(uint256) = 10**6
# Prices in the book are multiples of this.
LEAST_PRICE: constant(uint256) = 10**12
# A leg above the threshold is sold by a fifth first.
SLICES: constant(uint256) = 5

HEALTHY: constant(uint256) = 0
HANDLED: constant(uint256) = 1
SHIELDED: constant(uint256) = 2
RESTORED: constant(uint256) = 3
WAITS: constant(uint256) = 4
TAKEN_OVER: constant(uint256) = 5
BELOW_ZERO: constant(uint256) = 6
PROTOCOL: constant(uint256) = 7

# Reasons of BackstopRefused.
BACKSTOP_BELOW_ZERO: constant(uint256) = 0
MARKET_STALE: constant(uint256) = 1
MARKET_LOCKED: constant(uint256) = 2
NO_BACKSTOP: constant(uint256) = 3

POOL: immutable(IMarginPool)
BOOK: immutable(IOrderBook)
BACKSTOP: immutable(IBackstop)

# Seconds after a slice in which the account's liquidation orders are for whole positions.
WINDOW: immutable(uint256)

# Notional of a leg, quote, above which it is sold by slices.
SLICE_ABOVE: immutable(uint256)

# epoch in which an account was last handled | time of its last slice << 128
handled: HashMap[uint256, uint256]


@deploy
def __init__(
    pool: IMarginPool, book: IOrderBook, backstop: IBackstop, window: uint256, slice_above: uint256
):
    POOL = pool
    BOOK = book
    BACKSTOP = backstop
    WINDOW = window
    SLICE_ABOVE = slice_above


# --- anyone --------------------------------------------------------------------------------


@external
def liquidate(accounts: DynArray[uint256, MAX_ACCOUNTS]):
    for account: uint256 in accounts:
        before: IMarginPool.Health = staticcall POOL.health(account)
        outcome: uint256 = self._liquidate(account, before)
        after: IMarginPool.Health = staticcall POOL.health(account)
        log ILiquidator.Judged(
            account=account,
            outcome=outcome,
            equity=before.equity,
            maintenance=before.maintenance,
            equity_after=after.equity,
            maintenance_after=after.maintenance,
        )


@external
def cover_deficit_from_fees():
    deficit: uint256 = (staticcall POOL.solvency()).deficit
    assert deficit != 0, "liquidator: no deficit"
    earned: int256 = (staticcall POOL.health(FEES)).equity
    amount: uint256 = min(deficit, math._positive(earned))
    extcall POOL.pay(FEES, DEFICIT, amount)
    log ILiquidator.DeficitReduced(amount=amount, deficit=deficit - amount)


# --- views ---------------------------------------------------------------------------------


@external
@view
def is_liquidatable(account: uint256) -> bool:
    return self._judge(account, staticcall POOL.health(account)) in [WAITS, BELOW_ZERO]


@external
@view
def last_handled(account: uint256) -> (uint256, uint256):
    word: uint256 = self.handled[account]
    return word & (2**128 - 1), word >> 128


# --- the waterfall -------------------------------------------------------------------------


# @return The outcome of Judged.
@internal
def _liquidate(account: uint256, health: IMarginPool.Health) -> uint256:
    outcome: uint256 = self._judge(account, health)
    if outcome == BELOW_ZERO and not health.protocol:
        extcall BOOK.cancel_all(account)
    if outcome != WAITS:
        return outcome
    extcall BOOK.cancel_all(account)
    # Weighed again: without its orders only positions are legs, and only theirs can be stale.
    after: IMarginPool.Health = self._sell(account, staticcall POOL.health(account))
    if after.equity >= convert(after.maintenance, int256):
        return RESTORED
    if 3 * after.equity < 2 * convert(after.maintenance, int256):
        if self._take_over(account, after):
            return TAKEN_OVER
    return WAITS


# @notice WAITS where the book is to act now; any other outcome is final for this epoch.
@internal
@view
def _judge(account: uint256, health: IMarginPool.Health) -> uint256:
    if health.equity >= convert(health.maintenance, int256):
        return HEALTHY
    if health.stale_notional != 0 and self._is_shielded(health):
        return SHIELDED
    if health.equity < 0 and health.stale_notional == 0:
        return BELOW_ZERO
    if health.protocol:
        return PROTOCOL
    if self.handled[account] & (2**128 - 1) == staticcall POOL.epoch():
        return HANDLED
    return WAITS


# @notice A stale market shields an account, unless it is a tenth of it at most, or the account would be
#         below maintenance with every stale leg a tenth better.
@internal
@pure
def _is_shielded(health: IMarginPool.Health) -> bool:
    if health.stale_notional * 10 <= health.notional:
        return False
    best: int256 = health.equity + convert(health.stale_notional // 10, int256)
    return best >= convert(health.maintenance, int256)


# --- book ----------------------------------------------------------------------------------


# @notice Sell the legs, the one with the most maintenance first, until maintenance is met.
# @return What the account is worth then.
@internal
def _sell(account: uint256, before: IMarginPool.Health) -> IMarginPool.Health:
    health: IMarginPool.Health = before
    slice_at: uint256 = self.handled[account] >> 128
    whole: bool = block.timestamp < slice_at + WINDOW
    sliced: bool = False
    makers: uint256 = MAX_MAKERS
    rest: uint256 = before.legs
    for i: uint256 in range(MAX_LEGS):
        if rest == 0 or health.equity >= convert(health.maintenance, int256):
            break
        market: uint256 = self._heaviest(account, rest)
        rest &= ~(1 << market)
        by_slice: bool = False
        met: uint256 = 0
        by_slice, met = self._sell_leg(account, market, health, whole, makers)
        sliced = sliced or by_slice
        makers -= met
        # Without a maker nothing has changed.
        if met != 0:
            health = staticcall POOL.health(account)
    if sliced:
        slice_at = block.timestamp
    self.handled[account] = staticcall POOL.epoch() | slice_at << 128
    return health


# @notice The market among `legs` whose leg needs the most maintenance; the lower id among equals.
@internal
@view
def _heaviest(account: uint256, legs: uint256) -> uint256:
    heaviest: uint256 = math._lowest_bit(legs)
    if legs & (legs - 1) == 0:
        return heaviest
    most: uint256 = 0
    rest: uint256 = legs
    for i: uint256 in range(MAX_LEGS):
        if rest == 0:
            break
        market: uint256 = math._lowest_bit(rest)
        rest &= rest - 1
        maintenance: uint256 = (staticcall POOL.position(account, market)).maintenance
        if maintenance > most:
            heaviest = market
            most = maintenance
    return heaviest


# @return Whether a slice was asked for, not the whole; and the makers met.
@internal
def _sell_leg(
    account: uint256,
    market: uint256,
    health: IMarginPool.Health,
    whole: bool,
    makers: uint256,
) -> (bool, uint256):
    seen: IMarginPool.Trading = staticcall POOL.trading(market)
    held: IMarginPool.Position = staticcall POOL.position(account, market)
    if not seen.fresh or seen.locked or held.size == 0:
        return False, 0
    size: uint256 = math._magnitude(held.size)
    lots: uint256 = size
    if not whole and size * seen.mark > SLICE_ABOVE:
        lots = math._ceil_div(size, SLICES)
    limit: uint256 = self._bankruptcy_limit(seen.mark, held, health, lots)
    is_bid: bool = held.size < 0
    filled: uint256 = 0
    quote: uint256 = 0
    met: uint256 = 0
    filled, quote, met = extcall BOOK.sweep(account, market, is_bid, lots, limit, makers)
    log ILiquidator.BookEntered(
        account=account,
        market=market,
        is_bid=is_bid,
        slice=convert(lots != size, uint256),
        lots=lots,
        limit=limit,
        filled=filled,
        quote=quote,
    )
    return lots != size, met


# @notice The price at which a leg, sold WHOLE, uses up its share of equity by maintenance; fixed before
#         the sweep: mark -/+ (equity - fee) * weight / |size|, in the loser's favour, one tick at least.
# @dev By the full size and not by the lots that are sold: else a few lots could eat all equity.
@internal
@view
def _bankruptcy_limit(
    mark: uint256, held: IMarginPool.Position, health: IMarginPool.Health, lots: uint256
) -> uint256:
    taker_fee: uint256 = (staticcall POOL.fees())[0]
    equity: uint256 = math._positive(health.equity)
    fee: uint256 = min(math._ceil_div(lots * mark * taker_fee, FEE_UNIT), equity)
    weighted: uint256 = (equity - fee) * held.maintenance
    distance: uint256 = weighted // health.maintenance // math._magnitude(held.size)
    if held.size < 0:
        return mark + distance
    return max(mark - min(distance, mark), LEAST_PRICE)


# --- backstop ------------------------------------------------------------------------------


# @notice All legs pass to the backstop at mark, and the equity that is left with them.
# @dev The equity first: from then on the account is worth nothing, and ends flat with exactly 0.
@internal
def _take_over(account: uint256, health: IMarginPool.Health) -> bool:
    if health.equity < 0:
        return False
    backstop: uint256 = staticcall BACKSTOP.backstop()
    refusal: uint256 = self._refusal(backstop, health)
    if refusal != max_value(uint256):
        log ILiquidator.BackstopRefused(account=account, reason=refusal)
        return False
    equity: uint256 = convert(health.equity, uint256)
    if equity != 0:
        extcall POOL.pay(account, backstop, equity)
    rest: uint256 = health.legs
    for i: uint256 in range(MAX_LEGS):
        if rest == 0:
            break
        market: uint256 = math._lowest_bit(rest)
        rest &= rest - 1
        self._hand_over(account, backstop, market)
    log ILiquidator.BackstopEntered(
        account=account, backstop=backstop, equity=equity, legs=health.legs
    )
    return True


@internal
def _hand_over(account: uint256, backstop: uint256, market: uint256):
    size: int256 = (staticcall POOL.position(account, market)).size
    lots: uint256 = math._magnitude(size)
    mark: uint256 = (staticcall POOL.trading(market)).mark
    buyer: uint256 = backstop if size > 0 else account
    seller: uint256 = account if size > 0 else backstop
    extcall POOL.exchange(market, buyer, seller, lots, convert(lots * mark, int256))


# @return A reason of BackstopRefused, or the largest number where nothing is in the way.
@internal
@view
def _refusal(backstop: uint256, health: IMarginPool.Health) -> uint256:
    if backstop == 0:
        return NO_BACKSTOP
    if (staticcall POOL.health(backstop)).equity < 0:
        return BACKSTOP_BELOW_ZERO
    if health.stale_notional != 0:
        return MARKET_STALE
    rest: uint256 = health.legs
    for i: uint256 in range(MAX_LEGS):
        if rest == 0:
            break
        market: uint256 = math._lowest_bit(rest)
        rest &= rest - 1
        if (staticcall POOL.trading(market)).locked:
            return MARKET_LOCKED
    return max_value(uint256)
