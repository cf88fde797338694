"""The first of the classic three measures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spillway.model.policies.ratios import NO_GAIN

if TYPE_CHECKING:
    from spillway.model.policies.candidate import Candidate, Side


def score(_: Side, candidate: Candidate) -> int:
    """Return pnl, losses below every gain."""
    return NO_GAIN + candidate.pnl
