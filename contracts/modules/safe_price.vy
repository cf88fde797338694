# pragma version 0.4.3
"""
@title safe_price
@license MIT
@notice The last price at which an account is safe, exact with its tiers and roundings.
@dev Maintenance of a notional N in a tier that begins at B with rate 1 / r is mm(B) + ceil((N - B) / r).
     It grows by less than N does, so that each solution below is the only one; tiers are tried from
     low to high, and the first that holds its own solution has it.
"""

from . import markets
from . import math


# @notice Least price at which a long of `lots` is safe: N >= owed + mm(N), N = lots * price.
# @param owed What the position's value must make up for, besides its own maintenance.
# @dev y = N - B: y - ceil(y / r) >= k holds from y = ceil(k * r / (r - 1)) on.
@internal
@pure
def _of_long(schedule: uint256, lots: uint256, owed: int256) -> uint256:
    if owed <= 0:
        return 0
    notional: uint256 = 0
    for place: uint256 in range(markets.MAX_TIERS):
        lower: uint256 = 0
        rate: uint256 = 0
        lower, rate = self._tier(schedule, place)
        # Not safe at B itself, or the tier below would have had the solution: k > 0.
        base: uint256 = markets._maintenance(schedule, lower)
        k: uint256 = convert(owed + convert(base, int256) - convert(lower, int256), uint256)
        notional = lower + math._ceil_div(k * rate, rate - 1)
        if notional <= self._upper(schedule, place):
            break
    return math._ceil_div(notional, lots)


# @notice Largest price at which a short of `lots` is safe: N + mm(N) <= owned, N = lots * price.
# @param owned What the account has beyond the maintenance of its other legs, the position's value not
#        taken off.
# @dev y = N - B: y + ceil(y / r) <= k holds up to y = floor(k * r / (r + 1)).
@internal
@pure
def _of_short(schedule: uint256, lots: uint256, owned: int256) -> uint256:
    if owned <= 0:
        return 0
    notional: uint256 = 0
    for place: uint256 in range(markets.MAX_TIERS):
        lower: uint256 = 0
        rate: uint256 = 0
        lower, rate = self._tier(schedule, place)
        # Safe at B itself, or the tier below would have had the solution: k >= 0.
        k: uint256 = convert(owned, uint256) - lower - markets._maintenance(schedule, lower)
        notional = lower + k * rate // (rate + 1)
        if notional <= self._upper(schedule, place):
            break
    return notional // lots


# @return Where a tier begins, quote, and the divisor that gives its maintenance.
@internal
@pure
def _tier(schedule: uint256, place: uint256) -> (uint256, uint256):
    lower: uint256 = 0
    leverage: uint256 = 0
    lower, leverage = markets._tier(schedule, place)
    return lower, 2 * leverage


# @return Where the next tier begins, or more than any notional.
@internal
@pure
def _upper(schedule: uint256, place: uint256) -> uint256:
    upper: uint256 = 0
    leverage: uint256 = 0
    upper, leverage = markets._tier(schedule, place + 1)
    return max_value(uint256) if leverage == 0 else upper
