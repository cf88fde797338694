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
    whole: bool = block.timestamp < slice_at + RULES.window
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
            health = staticcall insurance.POOL.health(account)
    if sliced:
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


# @return Whether a slice was asked for, not the whole; and the makers met.
@internal
def _sell_leg(
    account: uint256,
    market: uint256,
    health: IMarginPool.Health,
    whole: bool,
    makers: uint256,
) -> (bool, uint256):
    seen: IMarginPool.Trading = staticcall insurance.POOL.trading(market)
    held: IMarginPool.Position = staticcall insurance.POOL.position(account, market)
    if not seen.fresh or seen.locked or held.size == 0:
        return False, 0
    size: uint256 = math._magnitude(held.size)
    lots: uint256 = size
    if RULES.restoring:
        lots = self._restoring(health, held)
    elif not whole and size * seen.mark > RULES.slice_above:
        lots = math._ceil_div(size, RULES.slices)
    limit: uint256 = self._limit(market, seen.mark, held, health, lots)
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
    if filled != 0:
        self._settle(account, market, seen.mark, held, health, filled, quote)
    return lots != size and not RULES.restoring, met


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


# @notice The part of an amount that belongs to `lots` of a leg, by maintenance; rounded down.
@internal
@pure
def _part(
    amount: int256, held: IMarginPool.Position, health: IMarginPool.Health, lots: uint256
) -> int256:
    weighted: int256 = amount * convert(held.maintenance * lots, int256)
    return math._floor_div_signed(weighted, health.maintenance * math._magnitude(held.size))


# @notice Lots of a leg that bring an account back to maintenance, were they sold at mark.
@internal
@pure
def _restoring(health: IMarginPool.Health, held: IMarginPool.Position) -> uint256:
    size: uint256 = math._magnitude(held.size)
    lacking: uint256 = math._positive(convert(health.maintenance, int256) - health.equity)
    return min(size, math._ceil_div(lacking * size, max(held.maintenance, 1)))


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
