# pragma version 0.4.3
"""
@title LargestPositionQueue
@license MIT
@notice The largest positions first, in lots.
@dev FTX turned to the ten largest opposing positions, to more where these were too few, and shared among them in
     proportion to size; a queue takes them one after another. At the one mark of a job it is the order of
     SizeQueue.
     https://help.ftx.com/hc/en-us/articles/360027937831-Liquidations
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
        result.append(candidate.size)
    return result
