# pragma version 0.4.3
"""
@title adl_keys
@license MIT
@notice What ranks a holder, in one word: tier << 255 | score << 56 | (2**32 - 1 - account) << 24 | place in the
        holder list. The greatest is closed first. Tier 1: equity, and profit unless the venue's price holds for everyone.
"""

from ..interfaces import IAdlPolicy
from ..interfaces import IMarginPool

TIER: constant(uint256) = 2**255
MAX_SCORE: constant(uint256) = 2**199 - 1
MAX_ACCOUNT: constant(uint256) = 2**32 - 1
PLACE_MASK: constant(uint256) = 2**24 - 1

# Holders weighed by one call of the pool.
PAGE: constant(uint256) = 32


# @notice A key for each candidate, in the order given.
@internal
@view
def _of(
    policy: IAdlPolicy,
    everyone: bool,
    side: IAdlPolicy.Side,
    found: DynArray[IMarginPool.Candidate, PAGE],
) -> DynArray[uint256, PAGE]:
    keys: DynArray[uint256, PAGE] = []
    if len(found) == 0:
        return keys
    keys = staticcall policy.scores(side, found)
    for i: uint256 in range(len(found), bound=PAGE):
        keys[i] = self._key(min(keys[i], MAX_SCORE), found[i], everyone)
    return keys


# @param score At most MAX_SCORE.
@internal
@pure
def _key(score: uint256, candidate: IMarginPool.Candidate, everyone: bool) -> uint256:
    key: uint256 = score << 56 | (MAX_ACCOUNT - candidate.account) << 24 | candidate.place
    if candidate.equity > 0 and (everyone or candidate.pnl > 0):
        key |= TIER
    return key


@internal
@pure
def _account(key: uint256) -> uint256:
    return MAX_ACCOUNT - ((key >> 24) & MAX_ACCOUNT)


@internal
@pure
def _place(key: uint256) -> uint256:
    return key & PLACE_MASK
