# pragma version 0.4.3
"""
@title share_rates
@license MIT
@notice From a level to a holder's lots, in the ways that share policies have in common.
@dev A level gives each account a rate, one for all but for the tie break: as the level rises by 1, the rate of a single
     account rises by 1, lower ids before higher ones. Lots rise by at most 1 with a rate, as weights are below 2**80
     and lots are weight * rate / 2**80.
"""

MAX_ACCOUNT: constant(uint256) = 2**32 - 1
# Of a level: every holder is closed whole.
MAX_LEVEL: constant(uint256) = 2**194
MAX_WEIGHT: constant(uint256) = 2**80 - 1
# A rate at which whoever has a weight is closed whole: sizes are below 2**79.
FULL: constant(uint256) = 2**160
# Weights of amounts are in units of collateral, quote.
UNIT: constant(int256) = 10**12


@internal
@pure
def _rate(level: uint256, account: uint256) -> uint256:
    return (min(level, MAX_LEVEL) + MAX_ACCOUNT - account) >> 32


# @notice An amount of quote as a weight: 0 where there is none, else at least 1.
@internal
@pure
def _weight(amount: int256) -> uint256:
    if amount <= 0:
        return 0
    return max(min(convert(amount // UNIT, uint256), MAX_WEIGHT), 1)


# @notice Lots of a weight at a rate, at most `size`.
@internal
@pure
def _part(weight: uint256, size: uint256, rate: uint256) -> uint256:
    return min(size, weight * min(rate, FULL) >> 80)


# @notice Who has a weight gives in proportion to it; when all of them are closed, the others by size.
@internal
@pure
def _weighted(weight: uint256, size: uint256, rate: uint256) -> uint256:
    if weight != 0:
        return self._part(weight, size, rate)
    return self._part(size, size, rate - min(rate, FULL))
