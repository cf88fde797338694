"""Ranking policies: who is deleveraged first. Bit-exact twins of contracts/adl, one file each.

`QUEUES` is the one list of them: presets, deployment, tests and tables go by it. `INDEXES` are the
rules that rank nobody: they charge a loss per lot (`spillway.model.adl_index`).
"""

from __future__ import annotations

from spillway.model.policies import (
    binance_queue,
    bitmex_queue,
    bybit_queue,
    ethereal_queue,
    hyperliquid_docs_queue,
    hyperliquid_queue,
    largest_position_queue,
    leverage_queue,
    profit_leverage_size_queue,
    profit_queue,
    random_start,
    size_queue,
)
from spillway.model.policies.candidate import Candidate, Score, Side, seeded

__all__ = ["INDEXES", "QUEUES", "Candidate", "Score", "Side", "contract_name", "seeded"]

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

# Whose lots bear a loss: those of the side that gained by it, or of both.
INDEXES = ("other_side", "both_sides")


def contract_name(policy: str) -> str:
    """Return the contract of a policy: `hyperliquid_queue` -> `HyperliquidQueue`."""
    return "".join(word.capitalize() for word in policy.split("_"))
