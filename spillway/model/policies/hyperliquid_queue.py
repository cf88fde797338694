"""Hyperliquid: the form found in its binary."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spillway.model.policies.ratios import FLOOR, leverage, profit

if TYPE_CHECKING:
    from spillway.model.policies.candidate import Candidate, Side


def score(_: Side, candidate: Candidate) -> int:
    """Return leverage * return, each at least 1e-8."""
    return max(leverage(candidate), FLOOR) * max(profit(candidate), FLOOR)
