"""Policies of auto-deleveraging, bit-exact twins of contracts/adl, one file each.

`QUEUES` says who is deleveraged first, `SHARES` how lots are shared over all. They are the one list
of them: presets, deployment, tests and tables go by it. `INDEXES` are the rules that look at
nobody: they charge a loss per lot (`spillway.model.adl_index`). `PROFITS` are those that charge it
on profit (`spillway.model.adl_profit`).
"""

from __future__ import annotations

from spillway.model.policies import (
    binance_queue,
    bitmex_queue,
    bybit_queue,
    contracts_pro_rata,
    ethereal_queue,
    hyperliquid_docs_queue,
    hyperliquid_queue,
    largest_position_queue,
    leverage_queue,
    profit_leverage_size_queue,
    profit_queue,
    random_start,
    risk_aware_pro_rata,
    size_queue,
    water_filling,
    wealth_pro_rata,
)
from spillway.model.policies.candidate import Candidate, Score, Side, seeded
from spillway.model.policies.share import Asked, Quota

__all__ = [
    "INDEXES",
    "PROFITS",
    "QUEUES",
    "SHARES",
    "Asked",
    "Candidate",
    "Quota",
    "Score",
    "Side",
    "contract_name",
    "seeded",
]

# By the name that presets use; in the order of the table in docs/adl.md.
QUEUES: dict[str, Score] = {
    "hyperliquid_queue": hyperliquid_queue.score,
    "hyperliquid_docs_queue": hyperliquid_docs_queue.score,
    "profit_queue": profit_queue.score,
    "leverage_queue": leverage_queue.score,
    "size_queue": size_queue.score,
    "profit_leverage_size_queue": profit_leverage_size_queue.score,
    "binance_queue": binance_queue.score,
    "bybit_queue": bybit_queue.score,
    "bitmex_queue": bitmex_queue.score,
    "ethereal_queue": ethereal_queue.score,
    "largest_position_queue": largest_position_queue.score,
    "random_start": random_start.score,
}

# Likewise.
SHARES: dict[str, Quota] = {
    "wealth_pro_rata": wealth_pro_rata.quota,
    "contracts_pro_rata": contracts_pro_rata.quota,
    "risk_aware_pro_rata": risk_aware_pro_rata.quota,
    "water_filling": water_filling.quota,
}

# Whose lots bear a loss: those of the side that gained by it, or of both.
INDEXES = ("other_side", "both_sides")

# Whose profit bears it: that of the session, on both sides.
PROFITS = ("session_profit",)


def contract_name(policy: str) -> str:
    """Return the contract of a policy: `hyperliquid_queue` -> `HyperliquidQueue`."""
    return "".join(word.capitalize() for word in policy.split("_"))
