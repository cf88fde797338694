"""Bisecting a knob to where a crash changes; the crash is a rule here."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from spillway.errors import BadInput
from spillway.sweep import edge


def rows(*, adl: bool = False, status: str = "solvent", error: str = "") -> list[dict[str, Any]]:
    calm = {"status": "solvent", "adl_count": 0, "deficit_usd": Decimal(0)}
    row = {"status": status, "adl_count": int(adl), "deficit_usd": Decimal(0), "error": error}
    return [calm, row | {"knob_vault": "1"}]


@pytest.mark.parametrize("threshold", ["0.5", "1.37", "1.999"])
def test_the_bracket_holds_the_edge_and_is_as_narrow_as_asked(threshold: str) -> None:
    search = edge.parse("vault=0.1:2", "adl", "0.01")
    bracket = edge.find(search, lambda value: rows(adl=value < Decimal(threshold)))
    assert bracket is not None
    assert bracket.low < Decimal(threshold) <= bracket.high
    assert bracket.high - bracket.low <= bracket.low * Decimal("0.01")
    assert not bracket.happens_high


def test_an_edge_may_lie_the_other_way_round() -> None:
    search = edge.parse("traders=1:8", "insolvency", "0.1")
    bracket = edge.find(search, lambda v: rows(status="broken" if v > 3 else "solvent"))
    assert bracket is not None
    assert bracket.low <= 3 < bracket.high
    assert bracket.happens_high
    near, far = bracket.high, bracket.low
    assert edge.told(search, bracket, 9) == [
        f"insolvency with traders = {near.normalize():f}, none with {far.normalize():f} (9 runs)"
    ]


@pytest.mark.parametrize("everywhere", [True, False])
def test_no_edge_is_told_as_such(everywhere: bool) -> None:
    search = edge.parse("depth=1:2", "adl", "0.1")
    seen: list[Decimal] = []

    def runs_at(value: Decimal) -> list[dict[str, Any]]:
        seen.append(value)
        return rows(adl=everywhere)

    assert edge.find(search, runs_at) is None
    assert seen == [1, 2]
    assert edge.told(search, None, 4) == [
        "no edge of auto-deleveraging: the same at 1 and at 2 (4 runs)"
    ]


def test_a_run_that_failed_ends_the_search() -> None:
    search = edge.parse("vault=1:2", "adl", "0.1")
    with pytest.raises(BadInput, match="out of cheese"):
        edge.find(search, lambda _: rows(status="failed", error="out of cheese"))


@pytest.mark.parametrize(
    ("text", "within", "field"),
    [
        ("seed=1:2", "0.1", "--adaptive"),
        ("vault=2:1", "0.1", "--adaptive"),
        ("vault=1", "0.1", "--over vault"),
        ("vault=1:2", "0", "--within"),
        ("vault=1:2", "narrow", "--within"),
    ],
)
def test_what_is_not_allowed_is_told(text: str, within: str, field: str) -> None:
    with pytest.raises(BadInput) as caught:
        edge.parse(text, "adl", within)
    assert caught.value.field == field
