"""What policies measure a holder by, in 18-decimal fixed point, rounded down."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from spillway.model.policies.candidate import Candidate

ONE = 10**18
CEILING = 2**98  # of each ratio: a product of two is at most 2**196
FLOOR = 10**10  # 1e-8: what a measure is worth to some policies where there is none
NO_GAIN = (
    2**198
)  # the score of no gain, where gains rank by how great they are, losses by how small
LEAST_COLLATERAL = 10**18  # what a collateral of less counts as, quote: 1 USD


def ratio(numerator: int, denominator: int) -> int:
    """Return a ratio of two amounts, the lower one at least 1."""
    return min(numerator * ONE // denominator, CEILING)


def leverage(candidate: Candidate) -> int:
    """Return notional / equity; 0 where there is no equity."""
    return ratio(candidate.notional, candidate.equity) if candidate.equity > 0 else 0


def profit(candidate: Candidate) -> int:
    """Return profit / entry notional; 0 where there is none."""
    return ratio(max(candidate.pnl, 0), candidate.entry_notional)


def collateral(candidate: Candidate) -> int:
    """Return equity without the profit of this leg, quote, at least 1 USD."""
    return max(candidate.equity - candidate.pnl, LEAST_COLLATERAL)


def signed(pnl: int, size: int) -> int:
    """Return a score that ranks every gain before every loss; `size` is that of either."""
    return NO_GAIN + (size if pnl > 0 else -size)


def leveraged(candidate: Candidate, base: int) -> int:
    """Return pnl / base * leverage of a gain, / leverage of a loss; 0 where there is no equity."""
    if candidate.equity <= 0:
        return 0
    pair = candidate.notional, candidate.equity
    factor = ratio(*pair) if candidate.pnl > 0 else ratio(*reversed(pair))
    return signed(candidate.pnl, ratio(abs(candidate.pnl), base) * factor)
