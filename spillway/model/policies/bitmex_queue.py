"""BitMEX: profit percentage and effective leverage."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spillway.model.policies.ratios import leveraged

if TYPE_CHECKING:
    from spillway.model.policies.candidate import Candidate, Side


def score(_: Side, candidate: Candidate) -> int:
    """Return pnl / entry notional * leverage of a gain, / leverage of a loss."""
    return leveraged(candidate, candidate.entry_notional)
