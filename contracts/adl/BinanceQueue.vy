# pragma version 0.4.3
"""
@title BinanceQueue
@license MIT
@notice Profit over collateral times leverage; a loss over collateral divided by leverage.
@dev Published: max(0, unrealized profit) / max(1, wallet balance) * margin ratio, the latter being
     maintenance margin / (wallet balance + unrealized profit), 0 where that sum is not above 0. Here:
     - collateral is equity less the profit of this leg, at least 1 USD;
     - leverage, notional / equity, stands for the margin ratio, which has the same order within one tier;
     - losses, which all score 0 there, rank by pnl / collateral / leverage;
     - an account without equity ranks last.
     What traders are shown there is the rank of their side in fifths, 4 in front: 4 - 5 * (holders in
     front) // (holders of the side). It is display: ranking does not go by it.
     https://www.binance.com/hi/amp/support/faq/360033525471
     https://dev.binance.vision/t/how-to-caculating-leverage-pnl-quantile/17801
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
        collateral: uint256 = adl_ratios._collateral(candidate.equity, candidate.pnl)
        score: uint256 = adl_ratios._leveraged(
            candidate.pnl, collateral, candidate.notional, candidate.equity
        )
        result.append(score)
    return result
