# pragma version 0.4.3
"""
@title drawdown
@license MIT
@notice How far an account has fallen from its highest equity of the last eight hours, and what that
        leaves it to spend.
@dev The peak is kept in eight hourly buckets: a value counts for seven to eight hours. Between two calls of
     `_touch` nothing is seen; the present equity always counts.
"""

from ..interfaces import IInsuranceFund
from . import math

PPM: constant(uint256) = 10**6
HOUR: constant(uint256) = 60 * 60
BUCKETS: constant(uint256) = 8
MAX_PEAK: constant(uint256) = 2**200 - 1

# ppm of the peak that may be lost.
DRAWDOWN: immutable(uint256)

# ppm below the peak at which it goes on.
RESUME: immutable(uint256)

# By account and hour modulo eight: highest equity | hour << 200
buckets: HashMap[uint256, HashMap[uint256, uint256]]

# By account: the drawdown was reached, and it has not yet come back.
halted: HashMap[uint256, bool]


@deploy
def __init__(drawdown: uint256, resume: uint256):
    assert 0 < drawdown and drawdown <= PPM and resume <= drawdown, "fund: bad drawdown"
    DRAWDOWN = drawdown
    RESUME = resume


# @notice Note the equity of an account in the bucket of this hour.
@internal
def _touch(account: uint256, equity: int256):
    hour: uint256 = block.timestamp // HOUR
    bucket: uint256 = self.buckets[account][hour % BUCKETS]
    highest: uint256 = min(math._positive(equity), MAX_PEAK)
    if bucket >> 200 == hour:
        highest = max(highest, bucket & MAX_PEAK)
    self.buckets[account][hour % BUCKETS] = highest | hour << 200
    peak: uint256 = self._peak(account, equity)
    halted: bool = self._is_halted(account, equity, peak)
    if halted != self.halted[account]:
        self.halted[account] = halted
        log IInsuranceFund.Halted(account=account, halted=halted, equity=equity, peak=peak)


@internal
@view
def _peak(account: uint256, equity: int256) -> uint256:
    hour: uint256 = block.timestamp // HOUR
    highest: uint256 = math._positive(equity)
    for i: uint256 in range(BUCKETS):
        bucket: uint256 = self.buckets[account][i]
        if (bucket >> 200) + BUCKETS > hour:
            highest = max(highest, bucket & MAX_PEAK)
    return highest


# @notice What an account may spend: all that keeps it above its floor, and nothing while it is halted.
@internal
@view
def _allowance(account: uint256, equity: int256) -> uint256:
    peak: uint256 = self._peak(account, equity)
    if equity <= 0 or self._is_halted(account, equity, peak):
        return 0
    return convert(equity, uint256) - self._floor(peak, DRAWDOWN)


@internal
@view
def _is_halted(account: uint256, equity: int256, peak: uint256) -> bool:
    held: uint256 = math._positive(equity)
    if held <= self._floor(peak, DRAWDOWN):
        return peak != 0
    return self.halted[account] and held < self._floor(peak, RESUME)


# @notice (1 - share) of the peak, rounded up.
@internal
@pure
def _floor(peak: uint256, share: uint256) -> uint256:
    return math._ceil_div(peak * (PPM - share), PPM)
