"""FTX: the largest positions."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from spillway.model.policies.candidate import Candidate, Side


def score(_: Side, candidate: Candidate) -> int:
    """Return lots."""
    return candidate.size
