"""Listings: many markets in few lines, and what a listing may not say."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from spillway import scenario, tables
from spillway.errors import BadInput

if TYPE_CHECKING:
    from pathlib import Path

    from spillway.scenario import Scenario

LISTING = """
[listing]
open_interest_cap_usd = 3_000
fall = [[1735689600, 0.5], [1735689660, 1]]
recovery = [[1735690000, 0.25]]
rows = [
  ["AAA", 2, 10, 20, 10, 18, 30, 900],
  ["BBB", 0, 12, 0.5, 0.1, 0.3, 10, 100],
]
"""


def listed(folder: Path, listing: str = LISTING) -> Path:
    """Scenario `thin` with further markets behind its own."""
    path = folder / "scenario.toml"
    path.write_text(scenario.find("thin").read_text() + listing)
    return path


@pytest.fixture
def told(tmp_path: Path) -> Scenario:
    return scenario.load(listed(tmp_path))


def test_a_row_is_a_market_behind_those_told_one_by_one(told: Scenario) -> None:
    assert [market.symbol for market in told.markets] == ["BTC", "AAA", "BBB"]
    assert [(m.size_decimals, m.max_leverage) for m in told.markets[1:]] == [(2, 10), (0, 12)]
    assert [m.open_interest_cap for m in told.markets[1:]] == [3_000 / 20, 3_000 / Decimal("0.5")]


def test_every_row_takes_the_same_course_between_its_own_prices(told: Scenario) -> None:
    times = 1735689600, 1735689660, 1735690000
    courses = [market.path.points for market in told.markets[1:]]
    # Half of the way down, all of it, and a quarter of the way up again.
    assert courses == [
        tuple(zip(times, map(Decimal, ("15", "10", "12")), strict=True)),
        tuple(zip(times, map(Decimal, ("0.3", "0.1", "0.15")), strict=True)),
    ]


def test_depth_and_stakes_follow_from_accounts_and_notional(told: Scenario) -> None:
    # 1,000 USD of 40 accounts: 25 each; in AAA 30 each, in BBB 10.
    first, second = told.markets[1:]
    assert (first.crowd, first.stake) == (30, Decimal("1.2"))
    assert (second.crowd, second.stake) == (10, Decimal("0.4"))
    assert first.depth_scale == 1
    assert second.depth_scale == Decimal("0.111111")


def test_what_a_listing_became_reads_back_the_same(told: Scenario, tmp_path: Path) -> None:
    path = tmp_path / "resolved.toml"
    path.write_text(tables.written(told))
    assert "listing" not in path.read_text()
    assert scenario.load(path) == told


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("30, 900]", "30]", r"listing\.rows\[0\]: found 'a list', allowed: 8 values: symbol, size"),
        ('"BBB", 0', '"BBB", 7', r"listing\.rows\[1\]\.size_decimals: found 7, allowed: at most 6"),
        ("0.1, 0.3", "0, 0.3", r"listing\.rows\[1\]\.low: found 0, allowed: more than 0"),
        ("0.1, 0.3", "0.6, 0.3", r"listing\.rows\[1\]\.low: found 0\.6, allowed: at most 0\.5"),
        ("0.1, 0.3", "1e-7, 0.3", r"listing\.rows\[1\]\.low: .* at least 0\.000001, the grain"),
        ('"BBB"', '"BTC"', r"markets\.symbol: found 'BTC', allowed: each once"),
        ("60, 1]]", "60, 0.9]]", r"listing\.fall\[1\]: found 0\.9, allowed: 1: a fall ends"),
        ("0.25]", "1.25]", r"listing\.recovery\[0\]\[1\]: found 1\.25, allowed: at most 1"),
        ("690000", "689650", r"markets\[1\]\.path\.points\[2\]: .* times ascend"),
        ("690000", "689665", r"markets\[1\]\.path: .* times that cover the clock"),
        ("cap_usd", "cap_us", r"listing\.open_interest_cap_us: .* 'open_interest_cap_usd'"),
    ],
)
def test_what_can_not_be_is_refused(tmp_path: Path, old: str, new: str, says: str) -> None:
    assert LISTING.count(old) == 1
    with pytest.raises(BadInput, match=says) as caught:
        scenario.load(listed(tmp_path, LISTING.replace(old, new)))
    assert "\n" not in str(caught.value)


def test_there_is_a_market_somewhere_and_not_more_than_the_venue_lists(tmp_path: Path) -> None:
    rows = "".join(f'  ["M{n}", 0, 12, 0.5, 0.1, 0.3, 10, 100],\n' for n in range(256))
    with pytest.raises(BadInput, match=r"markets: found '257 of them', allowed: 1 to 256"):
        scenario.load(listed(tmp_path, LISTING.split("  [", maxsplit=1)[0] + rows + "]"))
