# pragma version 0.4.3
"""
@title HyperliquidQueue
@license MIT
@notice Profit times leverage, as Hyperliquid's binary ranks it:
        max(notional / account value, 1e-8) * max(max(pnl, 0) / entry notional, 1e-8).
@dev Each factor is 18-decimal fixed point, rounded down, at most 2**98, so that a score stays below
     2**199; the floor 1e-8 is 1e10. An account value of zero or less counts as the floor.
"""

from ..interfaces import IAdlPolicy
from ..interfaces import IMarginPool

implements: IAdlPolicy

ONE: constant(uint256) = 10**18
FLOOR: constant(uint256) = 10**10
CEILING: constant(uint256) = 2**98


@external
@view
def scores(found: DynArray[IMarginPool.Candidate, 32]) -> DynArray[uint256, 32]:
    result: DynArray[uint256, 32] = []
    for candidate: IMarginPool.Candidate in found:
        leverage: uint256 = self._factor(candidate.notional, candidate.equity)
        profit: uint256 = self._factor(
            convert(max(candidate.pnl, 0), uint256),
            convert(candidate.entry_notional, int256),
        )
        result.append(leverage * profit)
    return result


@internal
@pure
def _factor(numerator: uint256, denominator: int256) -> uint256:
    if denominator <= 0:
        return FLOOR
    return min(max(numerator * ONE // convert(denominator, uint256), FLOOR), CEILING)
