"""Many markets in few lines: a row for each, and one course that the prices of all of them take.

A row is what stands in `rows`, in the order of the fields of `Row`. From it follow the price path
of the market, the depth of its book, and how much of the population's trade it draws.
"""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Annotated, Any

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from spillway.errors import BadInput
from spillway.prices import GRAIN
from spillway.tables import Table, Whole, field_path
from spillway.terms import Leverage, Name, Positive, Share, SizeDecimals

_CONTEXT = Context(prec=60, rounding=ROUND_HALF_EVEN)
_SIX_FIGURES = Context(prec=6, rounding=ROUND_HALF_EVEN)

Point = tuple[int, Decimal]


class Row(Table):
    """A market: its terms, three prices, and what it has of all accounts and of all notional."""

    symbol: Name
    size_decimals: SizeDecimals
    max_leverage: Leverage
    start: Positive
    low: Positive
    end: Positive
    accounts: Annotated[Whole, Field(ge=1)]
    notional_usd: Positive

    @model_validator(mode="before")
    @classmethod
    def _named(cls, data: Any) -> Any:
        """Give the values of a row the names of their fields."""
        if not isinstance(data, list):
            return data
        names = list(cls.model_fields)
        if len(data) != len(names):
            raise PydanticCustomError("row_length", f"{len(names)} values: {', '.join(names)}")
        return dict(zip(names, data, strict=True))


class Listing(Table):
    """Markets that differ in figures alone.

    Attributes:
        open_interest_cap_usd: Of each market, one side, at its start.
        fall: (time, share of the way from start to low), the last of them 1.
        recovery: (time, share of the way from low to end), after the fall.
        rows: The markets.
    """

    open_interest_cap_usd: Positive
    fall: Annotated[tuple[tuple[Whole, Share], ...], Field(min_length=1)]
    recovery: tuple[tuple[Whole, Share], ...] = ()
    rows: Annotated[tuple[Row, ...], Field(min_length=1)]

    def points(self, row: Row) -> tuple[Point, ...]:
        """Return the price path of a row."""
        return (
            *((time, _between(row.start, row.low, share)) for time, share in self.fall),
            *((time, _between(row.low, row.end, share)) for time, share in self.recovery),
        )

    def cap(self, row: Row) -> Decimal:
        """Return the cap of open interest of a row, of the asset."""
        lot = Decimal(1).scaleb(-row.size_decimals)
        return _CONTEXT.divide(self.open_interest_cap_usd, row.start).quantize(lot)

    def depth(self, row: Row) -> Decimal:
        """Return how deep the book of a row is, that of the first row being 1."""
        return _SIX_FIGURES.divide(row.notional_usd, self.rows[0].notional_usd)

    def stake(self, row: Row) -> Decimal:
        """Return how large a position in a row is, one in all markets together being 1."""
        accounts = sum(each.accounts for each in self.rows)
        notional = sum(each.notional_usd for each in self.rows)
        return _SIX_FIGURES.divide(row.notional_usd * accounts, row.accounts * notional)


def check(listing: Listing, file: str) -> None:
    """Raise BadInput where the course has no low, or a price falls to nothing."""
    last = len(listing.fall) - 1
    if listing.fall[last][1] != 1:
        where = field_path("listing", "fall", last)
        raise BadInput(file, where, listing.fall[last][1], "1: a fall ends at the low")
    for place, row in enumerate(listing.rows):
        if row.low < GRAIN:
            where = field_path("listing", "rows", place, "low")
            raise BadInput(file, where, row.low, f"at least {GRAIN}, the grain of prices")
        if row.low > row.start:
            where = field_path("listing", "rows", place, "low")
            raise BadInput(file, where, row.low, f"at most {row.start}, its start")


def _between(before: Decimal, after: Decimal, share: Decimal) -> Decimal:
    moved = _CONTEXT.multiply(after - before, share)
    return _CONTEXT.quantize(before + moved, GRAIN)
