# pragma version 0.4.3
"""
@title LeverageQueue
@license MIT
@notice The second of the classic three measures: notional of this leg over the account's equity.
@dev An account without equity ranks last.
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
        result.append(adl_ratios._leverage(candidate.notional, candidate.equity))
    return result
