"""In proportion to profit times leverage."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spillway.model.policies.ratios import leverage
from spillway.model.policies.share import rate, weight, weighted

if TYPE_CHECKING:
    from spillway.model.policies.candidate import Candidate, Side
    from spillway.model.policies.share import Asked

MAX_PROFIT = 2**60 - 1  # units of collateral
STEP = 10**16  # of leverage, 18 decimals
MAX_LEVERAGE = 2**20 - 1  # in steps


def quota(_: Side, __: Asked, candidate: Candidate, level: int) -> int:
    """Return lots in proportion to pnl * leverage; then, of who has no profit, to size."""
    steps = max(min(leverage(candidate) // STEP, MAX_LEVERAGE), 1)
    weighs = min(weight(candidate.pnl), MAX_PROFIT) * steps
    return weighted(weighs, candidate.size, rate(level, candidate))
