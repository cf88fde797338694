"""Kinds of values that the tables of a scenario hold, and the bounds that the venue sets them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from spillway.tables import Number, Whole

MAX_LEVERAGE = 255
MAX_SIZE_DECIMALS = 6

Positive = Annotated[Number, Field(gt=0)]
NotNegative = Annotated[Number, Field(ge=0)]
Share = Annotated[Number, Field(ge=0, le=1)]
Count = Annotated[Whole, Field(ge=0)]
Leverage = Annotated[Whole, Field(ge=1, le=MAX_LEVERAGE)]
SizeDecimals = Annotated[Whole, Field(ge=0, le=MAX_SIZE_DECIMALS)]
Name = Annotated[str, Field(strict=True, pattern=r"^[A-Za-z0-9_-]+$")]
