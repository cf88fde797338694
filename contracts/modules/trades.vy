# pragma version 0.4.3
"""
@title trades
@license MIT
@notice A match of the book: fees, the band around mark, and the margin of both sides.
@dev A margin check never reverts: it answers, so that the book can drop the side that failed.
"""

from ..interfaces import IMarginPool
from . import accounts
from . import ledger
from . import margin
from . import markets
from . import math
from . import positions
from . import require

uses: accounts
uses: ledger
uses: margin
uses: markets
uses: positions

FEE_UNIT: constant(uint256) = 10**6

FILLED: constant(uint256) = 0
TAKER_FAILS: constant(uint256) = 1
MAKER_FAILS: constant(uint256) = 2
CAP_REACHED: constant(uint256) = 3

# Fee of the side that takes, ppm of notional.
TAKER_FEE: immutable(uint256)

# Fee of the side that was resting, ppm of notional.
MAKER_FEE: immutable(uint256)

# How far from mark a voluntary fill may be, ppm.
BAND: immutable(uint256)


@deploy
def __init__(taker_fee: uint256, maker_fee: uint256, band: uint256):
    require._that(taker_fee < FEE_UNIT // 10 and maker_fee < FEE_UNIT // 10, "pool: fee too high")
    require._that(band > 0 and band < FEE_UNIT, "pool: band out of range")
    TAKER_FEE = taker_fee
    MAKER_FEE = maker_fee
    BAND = band


@internal
def _fill(match: IMarginPool.Fill) -> uint256:
    seen: markets.View = markets._view(match.market)
    markets._check_unlocked(seen)
    markets._check_fresh(seen.fresh)
    accounts._check_distinct(match.taker, match.maker)
    # 0 wraps and is refused.
    require._that(unsafe_sub(match.lots, 1) < markets.MAX_OPEN_INTEREST, "pool: lots out of range")
    distance: uint256 = max(match.price, seen.mark) - min(match.price, seen.mark)
    require._that(
        match.liquidation or distance * FEE_UNIT <= BAND * seen.mark, "pool: price outside the band"
    )

    # Lots and quote as the taker takes them; the maker takes the opposite.
    lots: int256 = convert(match.lots, int256)
    if not match.taker_buys:
        lots = -lots
    price: int256 = convert(match.price, int256)
    value: int256 = lots * price
    taker: ledger.Side = ledger._side(match.market, seen, match.taker, lots, value)
    maker: ledger.Side = ledger._side(match.market, seen, match.maker, -lots, -value)
    if match.maker_reserved:
        if match.taker_buys:
            maker.leg.asks -= match.lots
        else:
            maker.leg.bids -= match.lots
    longs: int256 = ledger._longs(taker) + ledger._longs(maker)
    if longs > 0 and not match.liquidation:
        if not markets._has_room(match.market, convert(longs, uint256)):
            return CAP_REACHED
    notional: uint256 = match.lots * match.price
    taker_fee: uint256 = math._ceil_div(notional * TAKER_FEE, FEE_UNIT)
    if match.liquidation:
        # A liquidation's fee never makes bad debt: it takes at most the equity that is left.
        taker_fee = min(taker_fee, math._positive(self._equity(seen, taker)))
    maker_fee: uint256 = math._ceil_div(notional * MAKER_FEE, FEE_UNIT)
    taker_pays: int256 = convert(taker_fee, int256)
    maker_pays: int256 = convert(maker_fee, int256)
    taker.change.stored -= taker_pays
    maker.change.stored -= maker_pays
    # What the price gives the taker against mark, and takes from the maker.
    gained: int256 = lots * (convert(seen.mark, int256) - price)
    if not match.liquidation and not self._stands(seen, taker, gained - taker_pays):
        return TAKER_FAILS
    if not self._stands(seen, maker, -gained - maker_pays):
        return MAKER_FAILS

    ledger._commit(seen, taker)
    ledger._commit(seen, maker)
    markets._grow_open_interest(match.market, longs)
    if match.maker_reserved:
        positions.resting[match.maker][match.market] = maker.leg.bids << 128 | maker.leg.asks
    accounts._earn(taker_pays + maker_pays)
    log IMarginPool.Filled(
        market=match.market,
        taker=match.taker,
        maker=match.maker,
        taker_buys=match.taker_buys,
        lots=match.lots,
        price=match.price,
        taker_fee=taker_fee,
        maker_fee=maker_fee,
    )
    return FILLED


# @notice Whether a side may stand as it is after the match.
# @dev Judged at mark, fee included: equity covers initial margin; or the position shrinks without
#      passing zero, equity is not negative and has not fallen by more than maintenance has.
# @param gained What the match adds to its equity at mark.
@internal
@view
def _stands(seen: markets.View, side: ledger.Side, gained: int256) -> bool:
    before: int256 = side.held.size
    after: int256 = side.change.size
    shrinks: bool = (after == 0 or (after > 0) == (before > 0)) and abs(after) < abs(before)
    protocol: bool = side.a.flags & accounts.PROTOCOL != 0
    if protocol and not shrinks:
        return False
    if shrinks:
        if self._equity(seen, side) < 0:
            return False
        if protocol or self._maintenance(seen, after) - self._maintenance(seen, before) <= gained:
            return True
    if abs(after) > abs(before) and not margin._leverage_allowed(seen, side.leg):
        return False
    if not self._may_hold(side.account, side.a, side.leg.market, seen):
        return False
    health: IMarginPool.Health = margin._weigh(
        side.account, self._after(side), seen, side.leg, False
    )
    return health.stale_notional == 0 and health.equity >= convert(health.initial, int256)


@internal
@view
def _maintenance(seen: markets.View, size: int256) -> int256:
    return convert(markets._maintenance(seen.schedule, math._magnitude(size) * seen.mark), int256)


# @notice Whether an account may have a leg in a market at all.
@internal
@view
def _may_hold(account: uint256, a: accounts.Account, market: uint256, seen: markets.View) -> bool:
    if accounts._has_leg(a, market):
        return True
    # No schedule, no market.
    if seen.schedule == 0:
        return False
    if a.flags & accounts.ISOLATED != 0:
        return accounts._isolated_to(account) == market + 1
    return a.flags & accounts.PROTOCOL == 0 and math._count_bits(a.legs) < accounts.MAX_LEGS


@internal
@view
def _equity(seen: markets.View, side: ledger.Side) -> int256:
    after: accounts.Account = self._after(side)
    return margin._equity(side.account, after, seen, side.leg.market, side.change.size)[0]


@internal
@pure
def _after(side: ledger.Side) -> accounts.Account:
    after: accounts.Account = side.a
    after.stored = side.change.stored
    return after
