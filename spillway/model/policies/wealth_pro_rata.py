"""In proportion to profit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spillway.model.policies.share import rate, weight, weighted

if TYPE_CHECKING:
    from spillway.model.policies.candidate import Candidate, Side
    from spillway.model.policies.share import Asked


def quota(_: Side, __: Asked, candidate: Candidate, level: int) -> int:
    """Return lots in proportion to max(pnl, 0); then, of who has none, to size."""
    return weighted(weight(candidate.pnl), candidate.size, rate(level, candidate))
