# pragma version 0.4.3
"""
@title HyperliquidDocsQueue
@license MIT
@notice Hyperliquid's documented index, to the letter: (mark / entry) * (notional / account value).
@dev For a short in profit mark / entry is below 1: the index ranks such shorts last, as written.
     mark / entry is notional over entry notional. An account value of zero or less gives 0.
     https://hyperliquid.gitbook.io/hyperliquid-docs/trading/auto-deleveraging
"""

from ..interfaces import IAdlPolicy
from ..interfaces import IMarginPool
from ..modules import adl_ratios

implements: IAdlPolicy


@external
@view
def scores(
    side: IAdlPolicy.Side, found: DynArray[IMarginPool.Candidate, 32]
) -> DynArray[uint256, 32]:
    result: DynArray[uint256, 32] = []
    for candidate: IMarginPool.Candidate in found:
        price_ratio: uint256 = adl_ratios._ratio(candidate.notional, candidate.entry_notional)
        leverage: uint256 = adl_ratios._leverage(candidate.notional, candidate.equity)
        result.append(price_ratio * leverage)
    return result
