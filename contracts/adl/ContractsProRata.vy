# pragma version 0.4.3
"""
@title ContractsProRata
@license MIT
@notice In proportion to size: size * lots / open interest, rounded by the largest remainder.
@dev The same amount added to every numerator, floor((size * lots + shift) / open interest), gives the lots that rounding
     down leaves to the largest remainders, ties to the lower id, and any other sum, too: the rate is that shift, from
     the one at which nobody gives anything. It depends on sizes alone: a locked market holds the quotas still.
"""

from ..interfaces import IAdlPolicy
from ..interfaces import IMarginPool
from ..interfaces import ISharePolicy
from ..modules import share_rates

implements: ISharePolicy


@external
@view
def quotas(
    side: IAdlPolicy.Side,
    asked: ISharePolicy.Asked,
    found: DynArray[IMarginPool.Candidate, 32],
    level: uint256,
) -> DynArray[uint256, 32]:
    result: DynArray[uint256, 32] = []
    for candidate: IMarginPool.Candidate in found:
        rate: uint256 = share_rates._rate(level, candidate.account)
        share: uint256 = candidate.size * asked.lots + rate
        nothing: uint256 = asked.open_interest * asked.lots
        lots: uint256 = (share - min(share, nothing)) // asked.open_interest
        result.append(min(candidate.size, lots))
    return result
