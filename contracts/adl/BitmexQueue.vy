# pragma version 0.4.3
"""
@title BitmexQueue
@license MIT
@notice Profit percentage times effective leverage; a loss percentage divided by it.
@dev The percentage is pnl / entry notional. Effective leverage is |mark value| / (mark value - bankrupt value):
     from mark to bankruptcy the position's value moves by just the account's equity, so notional / equity.
     An account without equity ranks last.
     https://support.bitmex.com/hc/en-gb/articles/18589621443357-What-is-Auto-Deleveraging
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
        score: uint256 = adl_ratios._leveraged(
            candidate.pnl, candidate.entry_notional, candidate.notional, candidate.equity
        )
        result.append(score)
    return result
