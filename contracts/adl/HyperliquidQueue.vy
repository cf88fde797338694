# pragma version 0.4.3
"""
@title HyperliquidQueue
@license MIT
@notice Profit times leverage, as Hyperliquid's binary ranks it:
        max(notional / account value, 1e-8) * max(max(pnl, 0) / entry notional, 1e-8).
@dev An account value of zero or less counts as the floor, 1e-8.
"""

from ..interfaces import IAdlPolicy
from ..interfaces import IMarginPool
from ..modules import adl_ratios

implements: IAdlPolicy

# 1e-8 of adl_ratios.ONE.
FLOOR: constant(uint256) = 10**10


@external
@view
def scores(
    side: IAdlPolicy.Side, found: DynArray[IMarginPool.Candidate, 32]
) -> DynArray[uint256, 32]:
    result: DynArray[uint256, 32] = []
    for candidate: IMarginPool.Candidate in found:
        leverage: uint256 = adl_ratios._leverage(candidate.notional, candidate.equity)
        profit: uint256 = adl_ratios._return(candidate.pnl, candidate.entry_notional)
        result.append(max(leverage, FLOOR) * max(profit, FLOOR))
    return result
