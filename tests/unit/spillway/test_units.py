"""Conversions are exact, or an error, or rounded the way that their name says."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spillway import units
from spillway.errors import Inexact

if TYPE_CHECKING:
    from collections.abc import Callable

words = st.integers(-(2**255), 2**255 - 1)
decimals = st.integers(0, 18)


def test_a_dollar_is_1e18_quote_and_a_unit_1e12() -> None:
    assert units.usd_to_quote("1") == 10**18
    assert units.usdc_to_units("1") == 10**6
    assert units.units_to_quote(1) == units.QUOTE_PER_UNIT == 10**12


def test_a_price_is_quote_per_lot() -> None:
    # 114,300.5 USD per BTC, lots of 1e-5 BTC: 1.143005 USD a lot.
    assert units.usd_to_price("114300.5", 5) == 1_143_005 * 10**12
    assert units.price_to_usd(1_143_005 * 10**12, 5) == Decimal("114300.5")


def test_size_times_price_is_the_notional_exactly() -> None:
    lots, price = units.size_to_lots("-0.12345", 5), units.usd_to_price("98765.4", 5)
    assert lots == -12_345
    assert units.quote_to_usd(lots * price) == Decimal("-0.12345") * Decimal("98765.4")


@given(words)
def test_quote_comes_back_from_dollars(quote: int) -> None:
    assert units.usd_to_quote(units.quote_to_usd(quote)) == quote


@given(words)
def test_units_come_back_from_usdc_and_quote(amount: int) -> None:
    assert units.usdc_to_units(units.units_to_usdc(amount)) == amount
    assert units.quote_to_units(units.units_to_quote(amount)) == amount


@given(words, decimals)
def test_lots_and_prices_come_back(amount: int, size_decimals: int) -> None:
    assert units.size_to_lots(units.lots_to_size(amount, size_decimals), size_decimals) == amount
    price = units.price_to_usd(amount, size_decimals)
    assert units.usd_to_price(price, size_decimals) == amount


@pytest.mark.parametrize(
    "convert",
    [
        lambda: units.usd_to_quote("0.0000000000000000001"),
        lambda: units.usdc_to_units("0.0000001"),
        lambda: units.quote_to_units(10**12 + 1),
        lambda: units.quote_to_units(-1),
        lambda: units.size_to_lots("0.000001", 5),
        lambda: units.usd_to_price("0.00000000000001", 5),
    ],
)
def test_what_has_no_exact_counterpart_is_refused(convert: Callable[[], int]) -> None:
    with pytest.raises(Inexact, match="is not a whole number of"):
        convert()


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "sNaN", "", "12,5", "one"])
def test_what_is_no_number_is_refused(value: str) -> None:
    with pytest.raises(Inexact):
        units.usd_to_quote(value)


@given(words)
def test_flooring_goes_toward_minus_infinity(quote: int) -> None:
    rest = quote - units.units_to_quote(units.quote_to_units_floor(quote))
    assert 0 <= rest < units.QUOTE_PER_UNIT


def test_flooring_a_size_goes_toward_minus_infinity() -> None:
    assert units.size_to_lots_floor("1.000019", 5) == 100_001
    assert units.size_to_lots_floor("-1.000011", 5) == -100_002
    assert units.size_to_lots_floor("-1.00001", 5) == -100_001


def test_decimals_come_out_in_plain_notation() -> None:
    assert f"{units.quote_to_usd(-5 * 10**17):f}" == "-0.500000000000000000"
    assert str(units.units_to_usdc(1)) == "0.000001"
