# pragma version 0.4.3
"""
@title weighted_median
@license MIT
@notice The median of prices that vote with weights: the lowest price at which the votes at or below
        it hold at least half of all weight. At exactly half that is the lower one. No weight, no vote.
"""

# Insertion sort of 16 votes: ~15k gas at worst, ~2k for 7 that come almost in order.
MAX_VOTES: constant(uint256) = 16
MAX_WEIGHT: constant(uint256) = 2**16 - 1
WEIGHT_BITS: constant(uint256) = 16


# @notice A vote in one word, price above weight, so that votes sort by price.
# @param price Below 2**240. weight At most MAX_WEIGHT.
@internal
@pure
def _vote(price: uint256, weight: uint256) -> uint256:
    return price << WEIGHT_BITS | weight


# @return The median and the weight of all votes; (0, 0) where no vote has weight.
@internal
@pure
def _of(votes: DynArray[uint256, MAX_VOTES]) -> (uint256, uint256):
    ordered: DynArray[uint256, MAX_VOTES] = votes
    total: uint256 = 0
    for i: uint256 in range(len(votes), bound=MAX_VOTES):
        vote: uint256 = votes[i]
        total += vote & MAX_WEIGHT
        place: uint256 = i
        for _: uint256 in range(MAX_VOTES):
            if place == 0 or ordered[place - 1] <= vote:
                break
            ordered[place] = ordered[place - 1]
            place -= 1
        ordered[place] = vote

    held: uint256 = 0
    for vote: uint256 in ordered:
        held += vote & MAX_WEIGHT
        if held != 0 and 2 * held >= total:
            return vote >> WEIGHT_BITS, total
    return 0, 0


# @notice The median of three prices of equal weight.
@internal
@pure
def _of_three(a: uint256, b: uint256, c: uint256) -> uint256:
    return max(min(a, b), min(max(a, b), c))
