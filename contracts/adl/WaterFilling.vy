# pragma version 0.4.3
"""
@title WaterFilling
@license MIT
@notice The most levered are brought down to one common leverage: of all ways to close so many lots, the one after which the
        highest leverage is lowest.
@dev Leverage is net exposure / equity of the account, after the closing. Who keeps r of its lots at mark, and has n lots' worth of
     exposure to the same side in other markets (n < 0: to the other side, a hedge), has (r + n) * mark / (spare + r * loss)
     of it, spare being its equity once all lots are closed at the price. With n = 0 that grows with r / spare alone, so each keeps
     min(size, spare * rate), and the rate falls as the level rises: exact for accounts with one market. Others keep spare * rate - n
     of their lots, at most all of them: the same exposure for what they can spare. Lots that hedge go last, by size; who has
     nothing to spare goes first, by size. Spare counts in units of 1e-6 USD.
"""

from ..interfaces import IAdlPolicy
from ..interfaces import IMarginPool
from ..interfaces import ISharePolicy
from ..modules import math
from ..modules import share_rates

implements: ISharePolicy

# A rate at which who has nothing to spare is closed whole.
FIRST: constant(uint256) = 2**80
# Lots that other markets count for, at most: as many as a position may have.
MAX_NET: constant(int256) = 2**79


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
        net: int256 = math._floor_div_signed(candidate.others, side.mark)
        if not side.longs:
            net = -net
        net = max(min(net, MAX_NET), -MAX_NET)
        result.append(self._lots(share_rates._weight(spare), candidate.size, net, rate))
    return result


# @param net Lots' worth of exposure to the same side that the account has in other markets.
@internal
@pure
def _lots(spare: uint256, size: uint256, net: int256, rate: uint256) -> uint256:
    if spare == 0:
        return share_rates._part(size, size, rate)
    # Until they are closed whole, it keeps everything.
    fallen: uint256 = rate - min(rate, FIRST)
    # Every weight is at least 1: before the rate has fallen that is 2**80 lots, more than MAX_NET and any size.
    borne: uint256 = spare * (share_rates.FULL - min(fallen, share_rates.FULL)) >> 80
    if net >= 0:
        own: uint256 = convert(net, uint256)
        return size - min(size, borne - min(borne, own))
    hedge: uint256 = min(size, convert(-net, uint256))
    last: uint256 = fallen - min(fallen, share_rates.FULL)
    return size - min(size, borne + hedge - share_rates._part(hedge, hedge, last))
