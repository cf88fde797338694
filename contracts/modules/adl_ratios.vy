# pragma version 0.4.3
"""
@title adl_ratios
@license MIT
@notice What ranking policies measure a holder by, in 18-decimal fixed point, rounded down.
@dev Amounts of quote are below 2**153 and above -2**153, so that nothing wraps when scaled.
"""

ONE: constant(uint256) = 10**18
# Of each ratio, so that a product of two is at most 2**196.
CEILING: constant(uint256) = 2**98
# The score of no gain, where gains rank by how great they are and losses by how small.
NO_GAIN: constant(uint256) = 2**198
# What a collateral of less counts as, quote: 1 USD.
LEAST_COLLATERAL: constant(int256) = 10**18


# @param denominator At least 1.
@internal
@pure
def _ratio(numerator: uint256, denominator: uint256) -> uint256:
    return min(numerator * ONE // denominator, CEILING)


# @return 0 where there is no equity: nothing that leverage could be measured by.
@internal
@pure
def _leverage(notional: uint256, equity: int256) -> uint256:
    if equity <= 0:
        return 0
    return self._ratio(notional, convert(equity, uint256))


# @notice Profit over a base; 0 where there is none.
# @param base At least 1.
@internal
@pure
def _return(pnl: int256, base: uint256) -> uint256:
    return self._ratio(convert(max(pnl, 0), uint256), base)


# @notice Equity without the profit of this leg, at least 1 USD.
@internal
@pure
def _collateral(equity: int256, pnl: int256) -> uint256:
    return convert(max(equity - pnl, LEAST_COLLATERAL), uint256)


# @notice A score that ranks every gain before every loss, great gains and small losses first.
# @param size Of the gain or loss, at most 2**196.
@internal
@pure
def _signed(pnl: int256, size: uint256) -> uint256:
    if pnl > 0:
        return NO_GAIN + size
    return NO_GAIN - size


# @notice pnl / base * leverage of a gain, pnl / base / leverage of a loss, as a signed score.
# @return 0, the last of all, where there is no equity.
@internal
@pure
def _leveraged(pnl: int256, base: uint256, notional: uint256, equity: int256) -> uint256:
    if equity <= 0:
        return 0
    part: uint256 = self._ratio(convert(abs(pnl), uint256), base)
    factor: uint256 = 0
    if pnl > 0:
        factor = self._ratio(notional, convert(equity, uint256))
    else:
        factor = self._ratio(convert(equity, uint256), notional)
    return self._signed(pnl, part * factor)
