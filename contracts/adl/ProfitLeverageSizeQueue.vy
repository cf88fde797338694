# pragma version 0.4.3
"""
@title ProfitLeverageSizeQueue
@license MIT
@notice The classic three measures in one: (pnl / entry notional) * (notional / equity) * notional.
@dev A product needs no weights: its order is the same in whatever unit each measure is taken, and it
     extends profit * leverage, which most venues use, by the size. Profit and leverage count at least
     1e-8, so that holders without profit rank by the others. Profit * leverage is 18-decimal and at most
     2**118 (3e17); size counts in 1e-6 USD and at most 2**80 (1e18 USD).
"""

from ..interfaces import IAdlPolicy
from ..interfaces import IMarginPool
from ..modules import adl_ratios

implements: IAdlPolicy

# 1e-8 of adl_ratios.ONE.
FLOOR: constant(uint256) = 10**10
MICRO_USD: constant(uint256) = 10**12
MOST_GAIN: constant(uint256) = 2**118
MOST_SIZE: constant(uint256) = 2**80


@external
@view
def scores(
    side: IAdlPolicy.Side, found: DynArray[IMarginPool.Candidate, 32]
) -> DynArray[uint256, 32]:
    result: DynArray[uint256, 32] = []
    for candidate: IMarginPool.Candidate in found:
        profit: uint256 = adl_ratios._return(candidate.pnl, candidate.entry_notional)
        leverage: uint256 = adl_ratios._leverage(candidate.notional, candidate.equity)
        gain: uint256 = max(profit, FLOOR) * max(leverage, FLOOR) // adl_ratios.ONE
        size: uint256 = min(candidate.notional // MICRO_USD, MOST_SIZE)
        result.append(min(gain, MOST_GAIN) * size)
    return result
