"""Legal prices: at most 5 significant figures and at most 6 - size_decimals decimals, or whole USD.

The twin of contracts/modules/ticks.vy, on prices in USD.
"""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal

DECIMALS = 6
SIGNIFICANT = 5
_CONTEXT = Context(prec=60)


def at_or_below(price: Decimal, size_decimals: int) -> Decimal:
    """Return the highest legal price that is not above `price`."""
    return price.quantize(_step(price, size_decimals), ROUND_FLOOR, _CONTEXT)


def at_or_above(price: Decimal, size_decimals: int) -> Decimal:
    """Return the lowest legal price that is not below `price`."""
    return price.quantize(_step(price, size_decimals), ROUND_CEILING, _CONTEXT)


def is_legal(price: Decimal, size_decimals: int) -> bool:
    """Return whether an order may stand at `price`."""
    return at_or_below(price, size_decimals) == price


def legal_neighbours(price: Decimal, size_decimals: int) -> tuple[Decimal, Decimal]:
    """Return the legal prices on both sides of one that is not."""
    return at_or_below(price, size_decimals), at_or_above(price, size_decimals)


def _step(price: Decimal, size_decimals: int) -> Decimal:
    """Distance of the legal prices from each other in the decade of `price`."""
    finest = size_decimals - DECIMALS
    exponent = min(max(price.adjusted() - SIGNIFICANT + 1, finest), 0)
    return Decimal(1).scaleb(exponent)
