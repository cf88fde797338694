# pragma version 0.4.3
"""
@title BybitQueue
@license MIT
@notice Leveraged return: pnl over the collateral behind it, which is pnl / entry notional times the leverage at entry.
@dev Bybit says that profit and effective leverage rank and calls the measure leveraged return; the terms of its
     formula are not public. Collateral is equity less the profit of this leg, at least 1 USD. An account
     without equity ranks last.
     https://help.bybit.com/hc/en-us/articles/900000031623-What-is-Auto-Deleveraging-ADL-
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
        if candidate.equity <= 0:
            result.append(0)
            continue
        collateral: uint256 = adl_ratios._collateral(candidate.equity, candidate.pnl)
        part: uint256 = adl_ratios._ratio(convert(abs(candidate.pnl), uint256), collateral)
        result.append(adl_ratios._signed(candidate.pnl, part))
    return result
