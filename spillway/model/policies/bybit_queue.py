"""Bybit: leveraged return."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spillway.model.policies.ratios import collateral, ratio, signed

if TYPE_CHECKING:
    from spillway.model.policies.candidate import Candidate, Side


def score(_: Side, candidate: Candidate) -> int:
    """Return pnl / collateral, losses below every gain; 0 where there is no equity."""
    if candidate.equity <= 0:
        return 0
    return signed(candidate.pnl, ratio(abs(candidate.pnl), collateral(candidate)))
