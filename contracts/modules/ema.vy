# pragma version 0.4.3
"""
@title ema
@license MIT
@notice Two exponential moving averages a market, sampled together: of the own book's mid above the
        index (150 s), and of the own book's price (30 s).
@dev A sample s that speaks for t seconds: num = num * exp(-t/tau) + s*t, den = den * exp(-t/tau) + t,
     average = num / den. Kept as (average, den) rather than (num, den), so that both averages of a
     market share one slot. t = 0 changes nothing, so many samples in one block weigh as the first.

     Arithmetic and error. exp(-1/tau) is held as floor(exp(-1/tau) * 2**127) and raised to the t-th
     power by squaring, t <= 60, every product truncated. Each squaring doubles the error and adds
     less than 1 unit, so after k squarings a factor is less than 2**(k+1) units low; a product of six
     adds those up with less than 1 unit a product:
         0 <= exp(-t/tau) - computed < 132 * 2**-127 < 2**-119.
     A weight is in 2**-32 s, truncated once a sample; the average is truncated toward zero, by
     less than 1 quote per lot a sample. An average is thus off by less than one unit for each
     sample in its memory (tau / t of them) and by 2**-30 of its samples' range.
"""

# One second of weight.
SECOND: constant(uint256) = 2**32
# A sample speaks for at most a minute: after an outage one sample must not become the average.
MAX_SECONDS: constant(uint256) = 60
SECONDS_BITS: constant(uint256) = 6

ONE_BITS: constant(uint256) = 127
# floor(exp(-1/150) * 2**127) and floor(exp(-1/30) * 2**127)
SLOW_DECAY: constant(uint256) = 169010681431205101938362594105892158670
FAST_DECAY: constant(uint256) = 164563291998028609093701007017111495006

VALUE_BITS: constant(uint256) = 88
WEIGHT_BITS: constant(uint256) = 40
VALUE_MASK: constant(uint256) = 2**VALUE_BITS - 1
WEIGHT_MASK: constant(uint256) = 2**WEIGHT_BITS - 1
HALF_MASK: constant(int256) = 2**128 - 1

# slow value (int88) << 168 | slow weight << 128 | fast value << 40 | fast weight
words: HashMap[uint256, int256]


# value: the average, quote per lot. weight: den, below (tau + 60) s; 0 = no sample yet.
struct Average:
    value: int256
    weight: uint256


# @notice Sample both averages of a market.
# @param basis mid - index. price The book's price, not negative. Both |.| < 2**87.
# @param elapsed Seconds that the sample speaks for; what is above MAX_SECONDS counts as that.
@internal
def _sample(market: uint256, basis: int256, price: uint256, elapsed: uint256):
    seconds: uint256 = min(elapsed, MAX_SECONDS)
    if seconds == 0:
        return
    slow: Average = empty(Average)
    fast: Average = empty(Average)
    slow, fast = self._averages(market)
    slow = self._mixed(slow, basis, seconds, SLOW_DECAY)
    fast = self._mixed(fast, convert(price, int256), seconds, FAST_DECAY)
    low: uint256 = (slow.weight << 128 | convert(fast.value, uint256) << WEIGHT_BITS | fast.weight)
    self.words[market] = (slow.value << 168) + convert(low, int256)


# @return The averages of the basis (slow) and of the book's price (fast).
@internal
@view
def _averages(market: uint256) -> (Average, Average):
    word: int256 = self.words[market]
    low: uint256 = convert(word & HALF_MASK, uint256)
    slow_weight: uint256 = convert(word >> 128 & convert(WEIGHT_MASK, int256), uint256)
    return (
        Average(value=word >> 168, weight=slow_weight),
        Average(
            value=convert(low >> WEIGHT_BITS, int256),
            weight=low & WEIGHT_MASK,
        ),
    )


# @notice An average with one more sample of `seconds`, 1 .. MAX_SECONDS.
@internal
@pure
def _mixed(before: Average, sample: int256, seconds: uint256, decay: uint256) -> Average:
    kept: uint256 = (before.weight * self._power(decay, seconds)) >> ONE_BITS
    added: uint256 = seconds * SECOND
    weight: uint256 = kept + added
    total: int256 = before.value * convert(kept, int256) + sample * convert(added, int256)
    return Average(value=total // convert(weight, int256), weight=weight)


# @notice decay ** seconds, both as fractions of 2**127. See the error bound above.
@internal
@pure
def _power(decay: uint256, seconds: uint256) -> uint256:
    result: uint256 = 1 << ONE_BITS
    factor: uint256 = decay
    rest: uint256 = seconds
    for _: uint256 in range(SECONDS_BITS):
        if rest & 1 == 1:
            result = (result * factor) >> ONE_BITS
        rest >>= 1
        if rest == 0:
            break
        factor = (factor * factor) >> ONE_BITS
    return result
