"""Hyperliquid: the documented form, to the letter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spillway.model.policies.ratios import leverage, ratio

if TYPE_CHECKING:
    from spillway.model.policies.candidate import Candidate, Side


def score(_: Side, candidate: Candidate) -> int:
    """Return (mark / entry) * (notional / account value): inverted for shorts."""
    return ratio(candidate.notional, candidate.entry_notional) * leverage(candidate)
