# pragma version 0.4.3
"""
@title RiskAwareProRata
@license MIT
@notice In proportion to profit times leverage, at most the size; once all who have profit are closed, the others in
        proportion to size.
@dev The weight is profit in units of 1e-6 USD, at most 2**60 - 1, times notional of this leg / equity in steps of 0.01,
     from 0.01 to 10,485.75; without equity it counts 0.01. Profit alone is wealth pro rata; leverage alone would
     spare who has gained most.
"""

from ..interfaces import IAdlPolicy
from ..interfaces import IMarginPool
from ..interfaces import ISharePolicy
from ..modules import adl_ratios
from ..modules import share_rates

implements: ISharePolicy

# Units of collateral.
MAX_PROFIT: constant(uint256) = 2**60 - 1
# Of leverage, 18 decimals.
STEP: constant(uint256) = 10**16
# In steps: a weight stays below 2**80.
MAX_LEVERAGE: constant(uint256) = 2**20 - 1


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
        weight: uint256 = min(share_rates._weight(candidate.pnl), MAX_PROFIT)
        leverage: uint256 = adl_ratios._leverage(candidate.notional, candidate.equity) // STEP
        weight *= max(min(leverage, MAX_LEVERAGE), 1)
        result.append(share_rates._weighted(weight, candidate.size, rate))
    return result
