# pragma version 0.4.3
"""
@title premiums
@license MIT
@notice Premium samples of the running hour, the 8 hour rate that they make, and what it accrues.
@dev Premiums and rates are in 1e-18, seconds are of block time. A sample counts for the hour (of
     3,600 s since the epoch of time) in which it was taken; the first one of an hour discards those
     before. Every sample has equal weight, one a block.
"""

SCALE: constant(int256) = 10**18
# Interest of 0.01 % an 8 hours, and how far it may pull the rate from the premium.
INTEREST: constant(int256) = 10**14
INTEREST_BAND: constant(int256) = 5 * 10**14
# 4 % an hour, as an 8 hour rate.
MAX_RATE: constant(int256) = 32 * 10**16
# A premium below -100 % can't be; above 100 % it counts as that, so that one sample stays one of many.
MAX_PREMIUM: constant(int256) = 10**18

HOUR: constant(uint256) = 3600
PERIOD: constant(int256) = 28800

COUNT_BITS: constant(uint256) = 16
COUNT_MASK: constant(int256) = 2**16 - 1

# sum of premiums << 16 | number of samples. At most 3,600 of |P| <= 1e18 an hour: the sum is below 2**72.
words: HashMap[uint256, int256]


# @notice Add a sample. Once a block at most, which the caller sees to.
# @param last Time of the sample before, 0 where there is none.
@internal
def _sample(market: uint256, premium: int256, last: uint256):
    word: int256 = self.words[market]
    if last // HOUR != block.timestamp // HOUR:
        word = 0
    self.words[market] = word + (premium << COUNT_BITS) + 1


# @notice The 8 hour rate: avg(P) + clamp(0.01 % - avg(P), +-0.05 %), within +-32 %. The average is
#         truncated toward zero. 0 before the first sample.
@internal
@view
def _rate(market: uint256) -> int256:
    word: int256 = self.words[market]
    samples: int256 = word & COUNT_MASK
    if samples == 0:
        return 0
    premium: int256 = (word >> COUNT_BITS) // samples
    interest: int256 = max(-INTEREST_BAND, min(INTEREST_BAND, INTEREST - premium))
    return max(-MAX_RATE, min(MAX_RATE, premium + interest))


# @notice (max(impact_bid - index, 0) - max(index - impact_ask, 0)) / index, truncated toward zero.
# @param impact_bid, impact_ask Quote per lot; 0 = that side is too thin and adds nothing.
@internal
@pure
def _premium(index: uint256, impact_bid: uint256, impact_ask: uint256) -> int256:
    above: uint256 = 0
    below: uint256 = 0
    if impact_bid > index:
        above = impact_bid - index
    if impact_ask != 0 and impact_ask < index:
        below = index - impact_ask
    gap: int256 = convert(above, int256) - convert(below, int256)
    return min(MAX_PREMIUM, gap * SCALE // convert(index, int256))


# @notice Seconds for which the rate of the hour of `last` accrues at an update now.
# @dev Nothing accrues from the end of an hour to the first sample of the next: there is no sample.
#      Hourly, an hour accrues whole at the first update after its end.
@internal
@view
def _seconds(last: uint256, hourly: bool) -> uint256:
    end: uint256 = (last // HOUR + 1) * HOUR
    if hourly:
        return HOUR if block.timestamp >= end else 0
    return min(block.timestamp, end) - last


# @notice trunc(rate * index * seconds / 28,800), quote per lot, toward zero.
@internal
@pure
def _accrual(rate: int256, index: uint256, seconds: uint256) -> int256:
    return rate * convert(index * seconds, int256) // (PERIOD * SCALE)
