"""Binance: profit over collateral, leveraged."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spillway.model.policies.ratios import collateral, leveraged

if TYPE_CHECKING:
    from spillway.model.policies.candidate import Candidate, Side


def score(_: Side, candidate: Candidate) -> int:
    """Return pnl / collateral * leverage of a gain, / leverage of a loss."""
    return leveraged(candidate, collateral(candidate))
