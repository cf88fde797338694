"""The classic three measures as a product."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spillway.model.policies.ratios import FLOOR, ONE, leverage, profit

if TYPE_CHECKING:
    from spillway.model.policies.candidate import Candidate, Side

MICRO_USD = 10**12
MOST_GAIN = 2**118  # 18-decimal: 3e17
MOST_SIZE = 2**80  # in 1e-6 USD: 1e18 USD


def score(_: Side, candidate: Candidate) -> int:
    """Return return * leverage * notional; the first two count at least 1e-8 each."""
    gain = max(profit(candidate), FLOOR) * max(leverage(candidate), FLOOR) // ONE
    size = min(candidate.notional // MICRO_USD, MOST_SIZE)
    return min(gain, MOST_GAIN) * size
