# pragma version 0.4.3
"""
@title book_layer
@license MIT
@notice The first layer of the waterfall: the legs of an account in need are sold through the book.
"""

from ..interfaces import ILiquidator
from ..interfaces import IMarginPool
from ..interfaces import IOrderBook
from . import insurance
from . import math

uses: insurance

# Legs of a trader's account.
MAX_LEGS: constant(uint256) = 8
# Makers met by the orders of one account: what remains of a position waits for the next epoch. Where both
# sides have eight legs each costs ~165k gas: 8M, beside 7M for 32 orders, eight legs and a backstop in
# 256 markets.
MAX_MAKERS: constant(uint256) = 48
FEE_UNIT: constant(uint256) = 10**6
# Prices in the book are multiples of this.
LEAST_PRICE: constant(uint256) = 10**12
MOST_PRICE: constant(uint256) = 2**80 - 1

# How far a liquidation order may go: to the bankruptcy limit; beyond it by what the fund may pay; to mark where
# the account is below zero already; anywhere.
AT_BANKRUPTCY: constant(uint256) = 0
COVERED: constant(uint256) = 1
AT_MARK: constant(uint256) = 2
OPEN: constant(uint256) = 3

BOOK: immutable(IOrderBook)
RULES: immutable(ILiquidator.Rules)

# epoch in which an account was last handled | time of its last slice << 128
handled: HashMap[uint256, uint256]

# Of a venue that restores accounts, what the book left of its last order for a leg, by account and market
orders: HashMap[uint256, HashMap[uint256, ILiquidator.Order]]


# A walk over the legs of one account.
struct Run:
    whole: bool  # its orders are for whole positions
    makers: uint256  # that it may still meet
    lacking: uint256  # maintenance to be freed; where the venue restores, fixed when the walk begins
    sliced: bool  # an order was not for the whole
    kept: int256  # equity that goes with the lots that the book left, where the venue restores


@deploy
def __init__(book: IOrderBook, rules: ILiquidator.Rules):
    assert rules.limit <= OPEN, "liquidator: bad limit"
    assert rules.slices != 0, "liquidator: bad slices"
    assert rules.fee <= FEE_UNIT and rules.fee_share <= FEE_UNIT, "liquidator: bad fee"
    BOOK = book
    RULES = rules


@internal
@view
def _is_handled(account: uint256) -> bool:
    return self.handled[account] & (2**128 - 1) == staticcall insurance.POOL.epoch()


# @notice Sell the legs, the one with the most maintenance first, until maintenance is met.
# @return What the account is worth then.
@internal
def _sell(account: uint256, before: IMarginPool.Health) -> IMarginPool.Health:
    health: IMarginPool.Health = before
    slice_at: uint256 = self.handled[account] >> 128
    run: Run = Run(
        whole=block.timestamp < slice_at + RULES.window,
        makers=MAX_MAKERS,
        lacking=math._positive(convert(before.maintenance, int256) - before.equity),
        sliced=False,
        kept=0,
    )
    rest: uint256 = before.legs
    for i: uint256 in range(MAX_LEGS):
        if rest == 0 or health.equity >= convert(health.maintenance, int256):
            break
        market: uint256 = self._heaviest(account, rest)
        rest &= ~(1 << market)
        makers: uint256 = run.makers
        run = self._sell_leg(account, market, health, run)
        # Without a maker nothing has changed.
        if run.makers != makers:
            health = staticcall insurance.POOL.health(account)
        if RULES.restoring and run.lacking == 0:
            break
    if run.sliced:
        slice_at = block.timestamp
    self.handled[account] = staticcall insurance.POOL.epoch() | slice_at << 128
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
        maintenance: uint256 = (staticcall insurance.POOL.position(account, market)).maintenance
        if maintenance > most:
            heaviest = market
            most = maintenance
    return heaviest


# @return The run after this leg.
@internal
def _sell_leg(account: uint256, market: uint256, before: IMarginPool.Health, begun: Run) -> Run:
    run: Run = begun
    seen: IMarginPool.Trading = staticcall insurance.POOL.trading(market)
    held: IMarginPool.Position = staticcall insurance.POOL.position(account, market)
    if not seen.fresh or seen.locked or held.size == 0:
        return run
    health: IMarginPool.Health = before
    health.equity -= run.kept
    size: uint256 = math._magnitude(held.size)
    lots: uint256 = size
    if RULES.restoring:
        lots = min(size, math._ceil_div(run.lacking * size, max(held.maintenance, 1)))
        run.lacking -= min(run.lacking, held.maintenance)
    elif not run.whole and size * seen.mark > RULES.slice_above:
        lots = math._ceil_div(size, RULES.slices)
        run.sliced = run.sliced or lots != size
    limit: uint256 = self._limit(market, seen.mark, held, health, lots)
    is_bid: bool = held.size < 0
    filled: uint256 = 0
    quote: uint256 = 0
    met: uint256 = 0
    filled, quote, met = extcall BOOK.sweep(account, market, is_bid, lots, limit, run.makers)
    run.makers -= met
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
    if filled != 0:
        self._settle(account, market, seen.mark, held, health, filled, quote)
    if RULES.restoring:
        self.orders[account][market] = ILiquidator.Order(
            epoch=staticcall insurance.POOL.epoch(),
            size=size,
            left=lots - filled,
            equity=health.equity,
        )
        run.kept += self._part(health.equity, held, health, lots - filled)
    return run


# @notice The fund pays what these lots lost beyond their part of equity; then it gets its fee.
@internal
def _settle(
    account: uint256,
    market: uint256,
    mark: uint256,
    held: IMarginPool.Position,
    health: IMarginPool.Health,
    filled: uint256,
    quote: uint256,
):
    notional: uint256 = filled * mark
    if RULES.limit != AT_BANKRUPTCY:
        lost: int256 = convert(notional, int256) - convert(quote, int256)
        if held.size < 0:
            lost = -lost
        own: int256 = self._part(health.equity, held, health, filled)
        insurance._cover(account, market, math._positive(lost - own))
    if RULES.fee != 0:
        fee: uint256 = math._ceil_div(notional * RULES.fee, FEE_UNIT)
        left: int256 = (staticcall insurance.POOL.health(account)).equity
        insurance._feed(account, market, min(fee, math._positive(left)))


# @notice The part of an amount that belongs to `lots` of a leg, by maintenance; rounded down. A venue that restores
#         an account has one leg after the other use up all that is left.
@internal
@view
def _part(
    amount: int256, held: IMarginPool.Position, health: IMarginPool.Health, lots: uint256
) -> int256:
    if RULES.restoring:
        return math._floor_div_signed(amount * convert(lots, int256), math._magnitude(held.size))
    weighted: int256 = amount * convert(held.maintenance * lots, int256)
    return math._floor_div_signed(weighted, health.maintenance * math._magnitude(held.size))


# @notice The worst price of an order. The bankruptcy limit is the price at which a leg, sold WHOLE, uses up its
#         share of equity by maintenance; fixed before the sweep: mark -/+ (equity - fee) * weight / |size|,
#         in the loser's favour, one tick at least. The fund may let it go beyond.
# @dev By the full size and not by the lots that are sold: else a few lots could eat all equity.
@internal
@view
def _limit(
    market: uint256,
    mark: uint256,
    held: IMarginPool.Position,
    health: IMarginPool.Health,
    lots: uint256,
) -> uint256:
    if RULES.limit == OPEN:
        return MOST_PRICE if held.size < 0 else LEAST_PRICE
    if RULES.limit == AT_MARK and health.equity < 0:
        return mark
    taker_fee: uint256 = (staticcall insurance.POOL.fees())[0]
    fee: uint256 = math._ceil_div(lots * mark * taker_fee, FEE_UNIT)
    spare: int256 = health.equity
    if RULES.limit != COVERED:
        spare = max(spare, 0)
    spare -= convert(min(fee, math._positive(spare)), int256)
    distance: int256 = self._part(spare, held, health, 1)
    if RULES.limit == COVERED:
        distance += convert(insurance._allowance(market) // lots, int256)
    if held.size < 0:
        distance = -distance
    limit: int256 = convert(mark, int256) - distance
    return convert(max(limit, convert(LEAST_PRICE, int256)), uint256)
