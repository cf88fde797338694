# pragma version 0.4.3
"""
@title EtherealQueue
@license MIT
@notice In strict order: highest leverage, highest pnl, lowest balance, newest account.
@dev Leverage is notional / equity in steps of 1e-6, below 3.6e10, 0 without equity. pnl and balance, which is equity
     less the profit of this leg, are in steps of 1e-6 USD, between -3.6e10 and 3.6e10 USD; beyond that they
     count as the end of the scale. Newer accounts have higher ids.
     score = leverage << 144 | pnl << 88 | (top - balance) << 32 | account
     https://docs.ethereal.trade/trading/perpetual-futures/auto-deleveraging
"""

from ..interfaces import IAdlPolicy
from ..interfaces import IMarginPool
from ..modules import adl_ratios

implements: IAdlPolicy

# 1e-6 of adl_ratios.ONE, and of a USD.
STEP: constant(uint256) = 10**12
MOST_LEVERAGE: constant(uint256) = 2**55 - 1
# Half the scale of an amount, quote: 2**55 steps.
REACH: constant(int256) = 2**55 * 10**12


@external
@view
def scores(
    side: IAdlPolicy.Side, found: DynArray[IMarginPool.Candidate, 32]
) -> DynArray[uint256, 32]:
    result: DynArray[uint256, 32] = []
    for candidate: IMarginPool.Candidate in found:
        leverage: uint256 = adl_ratios._leverage(candidate.notional, candidate.equity)
        balance: int256 = candidate.equity - candidate.pnl
        score: uint256 = min(leverage // STEP, MOST_LEVERAGE) << 144
        score |= self._steps(candidate.pnl) << 88
        score |= self._steps(-balance) << 32
        result.append(score | candidate.account)
    return result


# @return Steps above the low end of the scale, below 2**56.
@internal
@pure
def _steps(amount: int256) -> uint256:
    return convert(min(max(amount, -REACH), REACH - 1) + REACH, uint256) // STEP
