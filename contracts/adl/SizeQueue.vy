# pragma version 0.4.3
"""
@title SizeQueue
@license MIT
@notice The third of the classic three measures, "whales first": notional of this leg.
"""

from ..interfaces import IAdlPolicy
from ..interfaces import IMarginPool

implements: IAdlPolicy


@external
@view
def scores(
    side: IAdlPolicy.Side, found: DynArray[IMarginPool.Candidate, 32]
) -> DynArray[uint256, 32]:
    result: DynArray[uint256, 32] = []
    for candidate: IMarginPool.Candidate in found:
        result.append(candidate.notional)
    return result
