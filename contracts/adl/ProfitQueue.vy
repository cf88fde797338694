# pragma version 0.4.3
"""
@title ProfitQueue
@license MIT
@notice The first of the classic three measures: who has won most on this leg, in quote, is in front.
@dev Losses rank by how small they are: the score is pnl shifted above zero, |pnl| < 2**153.
"""

from ..interfaces import IAdlPolicy
from ..interfaces import IMarginPool

implements: IAdlPolicy

# The score of a pnl of 0.
NO_GAIN: constant(int256) = 2**198


@external
@view
def scores(
    side: IAdlPolicy.Side, found: DynArray[IMarginPool.Candidate, 32]
) -> DynArray[uint256, 32]:
    result: DynArray[uint256, 32] = []
    for candidate: IMarginPool.Candidate in found:
        result.append(convert(candidate.pnl + NO_GAIN, uint256))
    return result
