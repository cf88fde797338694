"""dYdX v4: the holder list from a pseudo-random place on, and around."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from spillway.model.policies.candidate import Candidate, Side


def score(side: Side, candidate: Candidate) -> int:
    """Return how soon the walk comes by, the first place highest."""
    start = (side.seed >> 128) * side.length >> 128
    return side.length - (candidate.place - start) % side.length
