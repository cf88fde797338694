"""Decimal on the human side, integers on the chain: every conversion between them, exact.

- quote: signed, 1e-18 USD. What accounts hold and trades move.
- unit: 1e-6 USDC, what custody holds; 1 unit = 1e12 quote.
- lot: 10**-size_decimals of the asset. Sizes are signed lots.
- price: quote per lot.

A number without an exact counterpart raises Inexact, unless the function's name says which way
it rounds. The Decimals that come out are exact however long; sums of them are exact only under a
decimal context that is wide enough (Python's default keeps 28 digits).
"""

from __future__ import annotations

from decimal import ROUND_FLOOR, Context, Decimal, InvalidOperation
from typing import TypeAlias

from spillway.errors import Inexact

QUOTE_DECIMALS = 18
UNIT_DECIMALS = 6
QUOTE_PER_UNIT = 10**12

# A 256-bit word has 78 digits; scaling adds at most QUOTE_DECIMALS on either side.
_CONTEXT = Context(prec=120)

Amount: TypeAlias = Decimal | int | str


def usd_to_quote(usd: Amount) -> int:
    """USD -> quote."""
    return _scale(usd, QUOTE_DECIMALS, "1e-18 USD")


def quote_to_usd(quote: int) -> Decimal:
    """Quote -> USD."""
    return _unscale(quote, QUOTE_DECIMALS)


def usdc_to_units(usdc: Amount) -> int:
    """USDC -> units of the token."""
    return _scale(usdc, UNIT_DECIMALS, "1e-6 USDC")


def units_to_usdc(units: int) -> Decimal:
    """Units of the token -> USDC."""
    return _unscale(units, UNIT_DECIMALS)


def units_to_quote(units: int) -> int:
    """Units of the token -> quote."""
    return units * QUOTE_PER_UNIT


def quote_to_units(quote: int) -> int:
    """Quote -> units of the token."""
    units, rest = divmod(quote, QUOTE_PER_UNIT)
    if rest:
        raise Inexact(quote, "1e12 quote, a unit of the token,")
    return units


def quote_to_units_floor(quote: int) -> int:
    """Quote -> units of the token, toward minus infinity: what a withdrawal pays."""
    return quote // QUOTE_PER_UNIT


def size_to_lots(size: Amount, size_decimals: int) -> int:
    """Signed size in the asset -> signed lots."""
    return _scale(size, size_decimals, f"lots of 1e-{size_decimals}")


def size_to_lots_floor(size: Amount, size_decimals: int) -> int:
    """Signed size in the asset -> lots, toward minus infinity."""
    scaled = _number(size).scaleb(size_decimals, _CONTEXT)
    return int(scaled.to_integral_value(rounding=ROUND_FLOOR))


def lots_to_size(lots: int, size_decimals: int) -> Decimal:
    """Signed lots -> signed size in the asset."""
    return _unscale(lots, size_decimals)


def usd_to_price(usd: Amount, size_decimals: int) -> int:
    """USD per whole asset -> price, in quote per lot."""
    return _scale(usd, QUOTE_DECIMALS - size_decimals, f"1e-{QUOTE_DECIMALS - size_decimals} USD")


def price_to_usd(price: int, size_decimals: int) -> Decimal:
    """Price, in quote per lot -> USD per whole asset."""
    return _unscale(price, QUOTE_DECIMALS - size_decimals)


def _number(value: Amount) -> Decimal:
    try:
        number = Decimal(value)
    except InvalidOperation:
        raise Inexact(value, "anything: it is not a number") from None
    if not number.is_finite():
        raise Inexact(value, "anything: it is not finite")
    return number


def _scale(value: Amount, decimals: int, unit: str) -> int:
    """`value` * 10**decimals, exact."""
    scaled = _number(value).scaleb(decimals, _CONTEXT)
    if scaled != scaled.to_integral_value():
        raise Inexact(value, unit)
    return int(scaled)


def _unscale(value: int, decimals: int) -> Decimal:
    """`value` / 10**decimals, exact, in plain notation."""
    return Decimal(value).scaleb(-decimals, _CONTEXT)
