"""In proportion to size, by the largest remainder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spillway.model.policies.share import rate

if TYPE_CHECKING:
    from spillway.model.policies.candidate import Candidate, Side
    from spillway.model.policies.share import Asked


def quota(_: Side, asked: Asked, candidate: Candidate, level: int) -> int:
    """Return size * lots / open interest, with the shift of all numerators that the level is."""
    shifted = (candidate.size - asked.open_interest) * asked.lots + rate(level, candidate)
    return min(candidate.size, max(shifted, 0) // asked.open_interest)
