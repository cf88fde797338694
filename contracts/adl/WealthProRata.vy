# pragma version 0.4.3
"""
@title WealthProRata
@license MIT
@notice In proportion to profit: x_i = w_i * budget / sum of w, w = max(pnl, 0), at most the size; once all who have
        profit are closed, the others in proportion to size.
@dev T. Chitra, Autodeleveraging: Impossibilities and Optimization, https://arxiv.org/abs/2512.01112
     Profit counts in units of 1e-6 USD. It does not depend on equity: a locked market holds the quotas still.
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
        weight: uint256 = share_rates._weight(candidate.pnl)
        result.append(share_rates._weighted(weight, candidate.size, rate))
    return result
