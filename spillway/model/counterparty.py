"""The pool that trades against everyone: its worth, what is pending, what is to be closed.

Mirrors contracts/Counterparty.vy. Amounts are quote.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from spillway.model import margin
from spillway.model.rounding import ceil_div
from spillway.rules import PPM

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spillway.model.margin import Market
    from spillway.model.words import Account, Leg


def worth(account: Account, markets: Sequence[Market]) -> int:
    """Return what it was given and what is realised: equity less the profit of open positions."""
    open_profit = sum(
        _profit(leg, markets[number], markets[number].mark) for number, leg in account.legs.items()
    )
    return margin.equity(account, markets) - open_profit


def pending(leg: Leg, market: Market) -> int:
    """Return what the others would win from one of its positions at the index."""
    return max(-_profit(leg, market, market.index), 0)


def beyond(loss: int, capital: int, size: int, factor: int, target: int) -> int:
    """Return the lots to be closed, at most all `size` of them; 0 within the limit.

    Args:
        loss: Pending.
        capital: What it is worth.
        size: Lots of the position, >= 0.
        factor: Of `capital`, ppm: more pending is too much.
        target: Of what it is worth then, ppm: what closing at the index is to leave pending.
    """
    if not loss or loss * PPM <= factor * capital:
        return 0
    return min(size, ceil_div(size * (loss * PPM - target * capital), loss * (PPM - target)))


def _profit(leg: Leg, market: Market, price: int) -> int:
    return leg.size * (price - market.funding) - leg.cost
