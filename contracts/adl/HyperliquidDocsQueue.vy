# pragma version 0.4.3
"""
@title HyperliquidDocsQueue
@license MIT
@notice Hyperliquid's documented index, to the letter: (mark / entry) * (notional / account value).
@dev For a short in profit mark / entry is below 1: the index ranks such shorts last, as written.
     mark / entry is notional over entry notional. Each factor is 18-decimal fixed point, rounded down, at
     most 2**98, so that a score stays below 2**199. An account value of zero or less gives 0.
"""

from ..interfaces import IAdlPolicy
from ..interfaces import IMarginPool

implements: IAdlPolicy

ONE: constant(uint256) = 10**18
CEILING: constant(uint256) = 2**98


@external
@view
def scores(found: DynArray[IMarginPool.Candidate, 32]) -> DynArray[uint256, 32]:
    result: DynArray[uint256, 32] = []
    for candidate: IMarginPool.Candidate in found:
        price_ratio: uint256 = self._factor(
            candidate.notional, convert(candidate.entry_notional, int256)
        )
        leverage: uint256 = self._factor(candidate.notional, candidate.equity)
        result.append(price_ratio * leverage)
    return result


@internal
@pure
def _factor(numerator: uint256, denominator: int256) -> uint256:
    if denominator <= 0:
        return 0
    return min(numerator * ONE // convert(denominator, uint256), CEILING)
