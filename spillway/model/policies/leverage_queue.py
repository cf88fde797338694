"""The second of the classic three measures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spillway.model.policies.ratios import leverage

if TYPE_CHECKING:
    from spillway.model.policies.candidate import Candidate, Side


def score(_: Side, candidate: Candidate) -> int:
    """Return notional / equity."""
    return leverage(candidate)
