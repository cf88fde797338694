# pragma version 0.4.3
"""
@title Lens
@license MIT
@notice Reads the venue for people and programs. See ILens.
"""

from .interfaces import IAdl
from .interfaces import ILens
from .interfaces import IMarginPool
from .interfaces import IOrderBook
from .modules import markets
from .modules import math

implements: ILens

# Legs shown of an account: ~30k gas each.
MAX_LEGS: constant(uint256) = 32
# Places of a holder list in one call, by pages of 32.
MAX_PAGES: constant(uint256) = 64
PAGE: constant(uint256) = 32
# Steps by which rounding can move a liquidation price from where the tier's line says.
MAX_STEPS: constant(uint256) = 8

POOL: immutable(IMarginPool)
BOOK: immutable(IOrderBook)
ADL: immutable(IAdl)


@deploy
def __init__(pool: IMarginPool, book: IOrderBook, adl: IAdl):
    POOL = pool
    BOOK = book
    ADL = adl


@external
@view
def account(account: uint256) -> ILens.Account:
    health: IMarginPool.Health = staticcall POOL.health(account)
    owner: uint256 = (staticcall POOL.words(account, 0)).owner
    found: ILens.Account = ILens.Account(
        owner=convert(owner & (2**160 - 1), address),
        isolated_to=(owner >> 160) & (2**16 - 1),
        protocol=health.protocol,
        flat=health.legs == 0,
        senior=staticcall POOL.is_senior(account),
        quote=health.equity,
        equity=health.equity,
        maintenance=health.maintenance,
        initial=health.initial,
        notional=health.notional,
        stale_notional=health.stale_notional,
        legs=[],
    )
    rest: uint256 = health.legs
    for i: uint256 in range(MAX_LEGS):
        if rest == 0:
            break
        leg: ILens.Leg = self._leg(account, math._lowest_bit(rest), health)
        rest &= rest - 1
        found.quote -= leg.size * convert(leg.mark, int256)
        found.legs.append(leg)
    return found


@external
@view
def totals() -> ILens.Totals:
    pool: IMarginPool.Solvency = staticcall POOL.solvency()
    return ILens.Totals(
        custody=pool.custody,
        deficit=pool.deficit,
        senior_quote=pool.flat_quote - pool.junior_quote,
        epoch=staticcall POOL.epoch(),
        accounts=staticcall POOL.account_count(),
        markets=staticcall POOL.market_count(),
    )


@external
@view
def market(market: uint256) -> ILens.Market:
    return ILens.Market(
        state=staticcall POOL.market(market),
        pot=staticcall POOL.pot(market),
        longs=staticcall POOL.holder_count(market, True),
        shorts=staticcall POOL.holder_count(market, False),
        tops=staticcall BOOK.tops(market),
    )


@external
@view
def holders_ahead(
    account: uint256, market: uint256, start: uint256, count: uint256
) -> uint256:
    held: IMarginPool.Position = staticcall POOL.position(account, market)
    assert held.size != 0, "lens: no position"
    longs: bool = held.size > 0
    own: uint256 = self._keys(market, longs, held.place, 1)[0]
    ahead: uint256 = 0
    at: uint256 = start
    end: uint256 = min(start + count, staticcall POOL.holder_count(market, longs))
    for i: uint256 in range(MAX_PAGES):
        if at >= end:
            break
        keys: DynArray[uint256, 32] = self._keys(market, longs, at, min(PAGE, end - at))
        for key: uint256 in keys:
            if key > own:
                ahead += 1
        at += PAGE
    return ahead


@external
@view
def liquidation_price(account: uint256, market: uint256) -> uint256:
    return self._liquidation_price(
        market,
        staticcall POOL.position(account, market),
        staticcall POOL.health(account),
    )


# --- internals -----------------------------------------------------------------------------


@internal
@view
def _leg(account: uint256, market: uint256, health: IMarginPool.Health) -> ILens.Leg:
    held: IMarginPool.Position = staticcall POOL.position(account, market)
    seen: IMarginPool.Market = staticcall POOL.market(market)
    mark: int256 = convert(seen.mark, int256)
    break_even: uint256 = 0
    if held.size != 0:
        break_even = math._positive(held.cost // held.size + seen.funding)
    return ILens.Leg(
        market=market,
        size=held.size,
        break_even=break_even,
        mark=seen.mark,
        pnl=held.size * (mark - seen.funding) - held.cost,
        maintenance=held.maintenance,
        leverage=held.leverage,
        resting_bids=held.resting_bids,
        resting_asks=held.resting_asks,
        liquidation_price=self._liquidation_price(market, held, health),
        place=held.place,
    )


@internal
@view
def _keys(
    market: uint256, longs: bool, start: uint256, count: uint256
) -> DynArray[uint256, 32]:
    keys: DynArray[uint256, 32] = []
    lots: DynArray[uint256, 32] = []
    keys, lots = staticcall ADL.keys(market, longs, start, count)
    return keys


# --- liquidation price ---------------------------------------------------------------------


@internal
@view
def _liquidation_price(
    market: uint256, held: IMarginPool.Position, health: IMarginPool.Health
) -> uint256:
    if held.size == 0:
        return 0
    schedule: uint256 = staticcall POOL.schedule(market)
    mark: int256 = convert((staticcall POOL.market(market)).mark, int256)
    others: int256 = convert(health.maintenance - held.maintenance, int256)
    owed: int256 = held.size * mark - health.equity + others
    toward_safe: int256 = 1 if held.size > 0 else -1
    price: int256 = max(self._crossing(held.size, owed, schedule), 0)
    for i: uint256 in range(MAX_STEPS):
        if self._is_safe(held.size, owed, schedule, price):
            break
        price += toward_safe
    for i: uint256 in range(MAX_STEPS):
        if price <= 0 or not self._is_safe(held.size, owed, schedule, price - toward_safe):
            break
        price -= toward_safe
    return math._positive(price)


@internal
@pure
def _is_safe(size: int256, owed: int256, schedule: uint256, price: int256) -> bool:
    if price < 0:
        return False
    notional: uint256 = math._magnitude(size) * convert(price, uint256)
    needed: uint256 = markets._maintenance(schedule, notional)
    return size * price - owed >= convert(needed, int256)


# @notice Where size * p - owed meets |size| * p / rate - deduction, give or take rounding.
@internal
@pure
def _crossing(size: int256, owed: int256, schedule: uint256) -> int256:
    lots: uint256 = math._magnitude(size)
    side: int256 = 1 if size > 0 else -1
    deduction: int256 = 0
    below: int256 = 0
    price: int256 = 0
    rest: uint256 = schedule & markets.TIERS_MASK
    for i: uint256 in range(markets.MAX_TIERS):
        if rest == 0:
            break
        bound: int256 = self._bound(rest)
        rate: int256 = 2 * convert((rest >> 40) & 255, int256)
        deduction += bound // rate
        if below != 0:
            deduction -= bound // below
        below = rate
        rest >>= 48
        price = math._floor_div_signed(
            (owed - deduction) * rate * side,
            lots * convert(rate - side, uint256),
        )
        if rest == 0 or convert(lots, int256) * price < self._bound(rest):
            break
    return price


# @notice Lower bound of the lowest tier of a schedule, quote.
@internal
@pure
def _bound(schedule: uint256) -> int256:
    return convert((schedule & markets.TIME_MASK) * markets.USD, int256)
