# pragma version 0.4.3
"""
@title The oracle's arithmetic in the open
@notice Exposes the internals of weighted_median, ema and premiums to unit tests.
"""

from ..modules import ema
from ..modules import premiums
from ..modules import weighted_median

initializes: ema
initializes: premiums

SLOW_DECAY: public(constant(uint256)) = ema.SLOW_DECAY
FAST_DECAY: public(constant(uint256)) = ema.FAST_DECAY


@external
@pure
def weighted_median_of(
    prices: DynArray[uint256, weighted_median.MAX_VOTES],
    weights: DynArray[uint256, weighted_median.MAX_VOTES],
) -> (uint256, uint256):
    votes: DynArray[uint256, weighted_median.MAX_VOTES] = []
    for i: uint256 in range(len(prices), bound=weighted_median.MAX_VOTES):
        votes.append(weighted_median._vote(prices[i], weights[i]))
    return weighted_median._of(votes)


@external
@pure
def median_of_three(a: uint256, b: uint256, c: uint256) -> uint256:
    return weighted_median._of_three(a, b, c)


@external
@pure
def power(decay: uint256, seconds: uint256) -> uint256:
    return ema._power(decay, seconds)


@external
def sample_averages(market: uint256, basis: int256, price: uint256, elapsed: uint256):
    ema._sample(market, basis, price, elapsed)


# @return (slow value, slow weight, fast value, fast weight).
@external
@view
def averages(market: uint256) -> (int256, uint256, int256, uint256):
    slow: ema.Average = empty(ema.Average)
    fast: ema.Average = empty(ema.Average)
    slow, fast = ema._averages(market)
    return slow.value, slow.weight, fast.value, fast.weight


@external
def sample_premium(market: uint256, premium: int256, last: uint256):
    premiums._sample(market, premium, last)


@external
@view
def rate(market: uint256) -> int256:
    return premiums._rate(market)


@external
@pure
def premium(index: uint256, impact_bid: uint256, impact_ask: uint256) -> int256:
    return premiums._premium(index, impact_bid, impact_ask)


@external
@view
def seconds_accrued(last: uint256, hourly: bool) -> uint256:
    return premiums._seconds(last, hourly)


@external
@pure
def accrual(rate: int256, index: uint256, seconds: uint256) -> int256:
    return premiums._accrual(rate, index, seconds)
