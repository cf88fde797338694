# pragma version 0.4.3
"""
@title WaterFilling
@license MIT
@notice The most levered are brought down to one common leverage: of all ways to close so many lots, the one after which the
        highest leverage is lowest.
@dev Leverage is notional of this leg / equity of the account, after the closing. Who keeps r of its lots at mark has
     r * mark / (spare + r * loss) of it, spare being its equity once all lots are closed at the price. That grows
     with r / spare alone, so each keeps min(size, spare * rate), and the rate falls as the level rises. Who has
     nothing to spare goes first, by size. Spare counts in units of 1e-6 USD. Exact for accounts with one market;
     in others of a cross account this closing changes nothing.
"""

from ..interfaces import IAdlPolicy
from ..interfaces import IMarginPool
from ..interfaces import ISharePolicy
from ..modules import share_rates

implements: ISharePolicy

# A rate at which who has nothing to spare is closed whole.
FIRST: constant(uint256) = 2**80


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
        spare: int256 = candidate.equity - asked.loss * convert(candidate.size, int256)
        result.append(self._lots(share_rates._weight(spare), candidate.size, rate))
    return result


@internal
@pure
def _lots(spare: uint256, size: uint256, rate: uint256) -> uint256:
    if spare == 0:
        return share_rates._part(size, size, rate)
    # Until they are closed whole, it keeps everything.
    fallen: uint256 = rate - min(rate, FIRST)
    keeps: uint256 = share_rates._part(
        spare, size, share_rates.FULL - min(fallen, share_rates.FULL)
    )
    return size - keeps
