"""Legal prices, against examples by hand and against the contract."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from spillway.ticks import at_or_above, at_or_below, is_legal
from spillway.units import usd_to_price

if TYPE_CHECKING:
    from spillway.build import Artifacts
    from spillway.engines import Address, Contract, Engine

PRICES = [
    "0.1",
    "1.23456",
    "99.9995",
    "100",
    "9999.95",
    "12345.6",
    "99999.9",
    "100000.4",
    "1234567.8",
]


@pytest.fixture(scope="module")
def harness(engine: Engine, artifacts: Artifacts, admin: Address) -> Contract:
    return engine.deploy(artifacts["TicksHarness"], sender=admin)


@pytest.mark.parametrize(
    ("price", "size_decimals", "below", "above"),
    [
        ("116830.3", 5, "116830", "116831"),  # whole USD are always legal
        ("12345.67", 5, "12345", "12346"),  # one decimal at most, five figures at most
        ("1234.567", 5, "1234.5", "1234.6"),  # 6 - 5 decimals
        ("22.07512", 2, "22.075", "22.076"),  # five figures
        ("0.0012345678", 0, "0.001234", "0.001235"),  # six decimals
        ("1234.5", 6, "1234", "1235"),  # no decimals
    ],
)
def test_prices_are_rounded_to_legal_ones(
    price: str, size_decimals: int, below: str, above: str
) -> None:
    assert at_or_below(Decimal(price), size_decimals) == Decimal(below)
    assert at_or_above(Decimal(price), size_decimals) == Decimal(above)
    assert is_legal(Decimal(below), size_decimals)
    assert not is_legal(Decimal(price), size_decimals)


@pytest.mark.parametrize("size_decimals", [0, 2, 5])
@pytest.mark.parametrize("price", PRICES)
def test_the_contract_rounds_the_same_way(
    harness: Contract, price: str, size_decimals: int
) -> None:
    per_lot = usd_to_price(price, size_decimals)
    for rounded, name in ((at_or_below, "at_or_below"), (at_or_above, "at_or_above")):
        index = getattr(harness.call, name)(per_lot, size_decimals)
        legal = harness.call.price(index, size_decimals)
        assert usd_to_price(rounded(Decimal(price), size_decimals), size_decimals) == legal
