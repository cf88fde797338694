"""Ethereal: four measures in strict order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spillway.model.policies.ratios import leverage

if TYPE_CHECKING:
    from spillway.model.policies.candidate import Candidate, Side

STEP = 10**12  # 1e-6, of leverage and of a USD
MOST_LEVERAGE = 2**55 - 1
REACH = 2**55 * STEP  # half the scale of an amount, quote


def score(_: Side, candidate: Candidate) -> int:
    """Return leverage, pnl, low balance and new account, from the highest bits to the lowest."""
    steps = min(leverage(candidate) // STEP, MOST_LEVERAGE)
    balance = candidate.equity - candidate.pnl
    return (
        steps << 144 | on_scale(candidate.pnl) << 88 | on_scale(-balance) << 32 | candidate.account
    )


def on_scale(amount: int) -> int:
    """Return an amount of quote in steps above the low end of its scale, below 2**56."""
    return (min(max(amount, -REACH), REACH - 1) + REACH) // STEP
