# pragma version 0.4.3
"""
@title RandomStart
@license MIT
@notice The holder list from a place that the seed says, and around: nobody is ranked.
@dev dYdX v4 walks the accounts with open positions on the other side from a pseudo-random one, for at most so many visits.
     The start is seed / 2**256 of the list, not seed modulo its length: whoever adds k holders before the job
     is opened moves it by at most k places, and can't choose it. The visits are capped by the `fills` of
     IAdl.close.
     https://github.com/dydxprotocol/v4-chain/pull/906
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
    start: uint256 = (side.seed >> 128) * side.length >> 128
    for candidate: IMarginPool.Candidate in found:
        result.append(side.length - (candidate.place + side.length - start) % side.length)
    return result
