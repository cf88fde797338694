# pragma version 0.4.3
"""
@title capacity
@license MIT
@notice What an account would need as margin, were the legs of another its own.
@dev Legs of a trader's account, ~20k gas each, cold. Sizes are below 2**56 and marks below 2**80.
"""

from ..interfaces import IMarginPool
from . import markets
from . import math

# Legs of a trader's account.
MAX_LEGS: constant(uint256) = 8

POOL: immutable(IMarginPool)


# One leg that is to pass, and what its margin goes by.
struct Leg:
    market: uint256
    size: int256
    mark: uint256
    schedule: uint256


@deploy
def __init__(pool: IMarginPool):
    POOL = pool


# @notice The legs of an account that is to be taken over.
@internal
@view
def _legs(account: uint256, bitmap: uint256) -> DynArray[Leg, MAX_LEGS]:
    legs: DynArray[Leg, MAX_LEGS] = []
    rest: uint256 = bitmap
    for i: uint256 in range(MAX_LEGS):
        if rest == 0:
            break
        market: uint256 = math._lowest_bit(rest)
        rest &= rest - 1
        legs.append(
            Leg(
                market=market,
                size=(staticcall POOL.position(account, market)).size,
                mark=(staticcall POOL.trading(market)).mark,
                schedule=staticcall POOL.schedule(market),
            )
        )
    return legs


# @notice Initial margin of who takes over, were these legs its own: all others stay as they are.
@internal
@view
def _initial_with(taker: uint256, own: IMarginPool.Health, legs: DynArray[Leg, MAX_LEGS]) -> int256:
    initial: int256 = convert(own.initial, int256)
    for leg: Leg in legs:
        held: IMarginPool.Position = staticcall POOL.position(taker, leg.market)
        before: uint256 = self._worst(held, held.size) * leg.mark
        after: uint256 = self._worst(held, held.size + leg.size) * leg.mark
        initial -= self._initial(before, held.leverage, leg.schedule)
        # It may grow into a tier for which the leverage that was chosen is too high.
        initial += max(
            self._initial(after, held.leverage, leg.schedule),
            self._initial(after, 0, leg.schedule),
        )
    return initial


# @notice Lots at risk if every order of the worse side were filled, as the pool counts them.
@internal
@pure
def _worst(held: IMarginPool.Position, size: int256) -> uint256:
    return max(
        math._magnitude(size + convert(held.resting_bids, int256)),
        math._magnitude(size - convert(held.resting_asks, int256)),
    )


@internal
@pure
def _initial(notional: uint256, chosen: uint256, schedule: uint256) -> int256:
    leverage: uint256 = chosen
    if leverage == 0:
        leverage = markets._max_leverage(schedule, notional)
    return convert(math._ceil_div(notional, leverage), int256)
