"""Scenarios: what the shipped ones say, and what a file may not say."""

from __future__ import annotations

import csv
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from spillway import scenario, tables
from spillway.build import ROOT
from spillway.errors import BadInput

if TYPE_CHECKING:
    from pathlib import Path

BARS = ROOT.parent / "shared/data/prices/BTCUSDT_perp_1m_2025-10-10_2050-2205_binance_um.csv"


def changed(folder: Path, old: str, new: str) -> Path:
    """A copy of scenario `thin` with one change."""
    text = scenario.find("thin").read_text()
    assert old in text
    path = folder / "scenario.toml"
    path.write_text(text.replace(old, new, 1))
    return path


def test_every_shipped_scenario_loads_and_is_called_as_its_file() -> None:
    assert {"calm", "oct10_btc", "thin"} <= set(scenario.names())
    for name in scenario.names():
        assert scenario.load(scenario.find(name)).name == name


def test_another_seed_may_be_told() -> None:
    path = scenario.find("thin")
    assert scenario.load(path).seed == 1
    assert scenario.load(path, seed=99).seed == 99


@pytest.mark.parametrize("name", scenario.names())
def test_what_was_written_reads_back_the_same(tmp_path: Path, name: str) -> None:
    told = scenario.load(scenario.find(name))
    path = tmp_path / "scenario.toml"
    path.write_text(tables.written(told))
    assert scenario.load(path) == told


def test_calm_has_the_people_of_10_october() -> None:
    calm, crash = (scenario.load(scenario.find(name)) for name in ("calm", "oct10_btc"))
    for part in ("seed", "book", "population", "accounts", "vault"):
        assert getattr(calm, part) == getattr(crash, part)


@pytest.mark.skipif(not BARS.is_file(), reason=f"needs {BARS.name}, which is not shipped")
def test_the_bars_of_10_october_are_the_public_ones() -> None:
    with BARS.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    public = [
        (
            int(row["open_time_ms"]) // 1000,
            *(Decimal(row[k]) for k in ("open", "high", "low", "close")),
        )
        for row in rows
    ]
    assert list(scenario.load(scenario.find("oct10_btc")).markets[0].path.bars or ()) == public


# --- CSV -----------------------------------------------------------------------------------------


def from_csv(folder: Path, *lines: str) -> Path:
    """A copy of `thin` whose price comes from a file of these lines."""
    (folder / "prices.csv").write_text("\n".join(lines) + "\n")
    text = scenario.find("thin").read_text()
    start, end = text.index("points = ["), text.index("[feed]")
    source = 'csv = "prices.csv"\ncolumns = { time = "t", price = "p" }\n\n'
    path = folder / "scenario.toml"
    path.write_text(text[:start] + source + text[end:])
    return path


def test_a_csv_file_is_read_in_beside_its_scenario(tmp_path: Path) -> None:
    path = from_csv(tmp_path, "t,p", "1735689600,100000", "1735689900,90000")
    market = scenario.load(path).markets[0]
    assert market.path.csv is None
    assert market.path.points == ((1735689600, Decimal(100000)), (1735689900, Decimal(90000)))


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (["t,q", "1735689600,1"], r"prices\.csv: column of price: found 'p', allowed: one of t, q"),
        (["t,p", "1735689600,nan"], r"prices\.csv: row 1, p: found 'nan', allowed: a finite"),
        (["t,p", "1735689600,0"], r"prices\.csv: rows\[0\]: found 0, .* more than 0"),
        (["t,p", "1735689900,1", "1735689600,1"], r"prices\.csv: rows\[1\]: found 1735689600"),
    ],
)
def test_a_csv_file_that_can_not_be_is_refused(tmp_path: Path, lines: list[str], says: str) -> None:
    with pytest.raises(BadInput, match=says):
        scenario.load(from_csv(tmp_path, *lines))


def test_a_price_path_has_one_source(tmp_path: Path) -> None:
    path = changed(tmp_path, "[markets.path]", '[markets.path]\ncsv = "x.csv"')
    with pytest.raises(BadInput, match="found 'points and csv', allowed: one of bars, points, csv"):
        scenario.load(path)


# --- what can not be -----------------------------------------------------------------------------


def test_an_unknown_scenario_is_refused() -> None:
    with pytest.raises(BadInput, match=r"SCENARIO: found 'nowhere', allowed: .*oct10_btc"):
        scenario.find("nowhere")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (
            "depth_usd = 40_000",
            "depth_usd = -4.5",
            r"book\.levels\[0\]\.depth_usd: found -4\.5, .*0",
        ),
        ("depth_usd", "dpth_usd", r"levels\[0\]\.dpth_usd: .* the nearest is 'depth_usd'"),
        ("[book]", "[boook]", r"boook: found 'a table', .* the nearest is 'book'"),
        (
            "leverage = 40 }",
            "leverage = 50 }",
            r"positions\[0\]\.leverage: found 50, allowed: 1 to 40",
        ),
        ("at_most = 10 }", "at_most = 41 }", r"leverage\.at_most: found 41, allowed: at most 40"),
        (
            "at_most = 10 }",
            "at_most = 0.5 }",
            r"leverage\.at_most: found 0\.5, allowed: at least 1",
        ),
        ("100_000],", "0],", r"path\.points\[0\]: found 0, allowed: a price of more than 0"),
        ("98_500", "nan", r"points\[2\]\[1\]: found NaN, allowed: a finite number"),
        ("[1735689645", "[1735689625", r"points\[2\]: found 1735689625, .* times ascend"),
        (
            "size = 3.5",
            "size = 0.000001",
            r"size: found 0\.000001, allowed: a multiple of 1e-5 BTC",
        ),
        ("size = 3.5", "size = 0", r"positions\[0\]\.size: found 0"),
        ("size = 3.5", "size = 3.5, entry = 100_000.5", r"entry: .* such as 100000 or 100001"),
        ("price = 99_100", "price = 99_100.5", r"orders\[0\]\.price: .* such as 99100 or 99101"),
        ('market = "BTC", size = 3.5', 'market = "ETH", size = 3.5', r"a market of this .*: BTC"),
        ("blocks = 12", "blocks = 120", r"path: found 'times .* cover the clock"),
        ("seed = 1", 'seed = "1"', r"seed: found '1', allowed: a whole number"),
        ("seed = 1", "seed = -1", r"seed: found -1, allowed: at least 0"),
        ("00:00:00Z", "00:00:00", r"clock\.start: .* with its offset"),
        ("long_share = 0.5", "long_share = true", r"long_share: found True, allowed: a number"),
        ("gone_bp = 100", "gone_bp = 10", r"gone_bp: found 10, allowed: more than calm_bp, 10"),
        ("above_usd = 150_000_000", "above_usd = 0", r"tiers\[0\]\.above_usd: found 0"),
        (
            "max_leverage = 20 }",
            "max_leverage = 40 }",
            r"tiers\[0\]\.max_leverage: .* less than 40",
        ),
        (
            'name = "saver"',
            'name = "depositor"',
            r"accounts\.name: found 'depositor', .* each once",
        ),
        ("isolated = true\npositions", "isolated = true\norders", r"accounts\[1\]\.orders"),
    ],
)
def test_what_can_not_be_is_refused(tmp_path: Path, old: str, new: str, says: str) -> None:
    with pytest.raises(BadInput, match=says) as caught:
        scenario.load(changed(tmp_path, old, new))
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2


# --- makers --------------------------------------------------------------------------------------


def test_without_a_book_there_are_no_makers(tmp_path: Path) -> None:
    text = scenario.find("thin").read_text()
    path = tmp_path / "scenario.toml"
    path.write_text(text[: text.index("[book]")] + text[text.index("[[population]]") :])
    told = scenario.load(path)
    assert told.book.makers == 0
    assert told.book.levels == ()


def test_makers_quote_something(tmp_path: Path) -> None:
    text = scenario.find("thin").read_text()
    levels = text[text.index("levels = [") : text.index("requote_bp")]
    with pytest.raises(BadInput, match=r"book\.levels: found 'none', .* with makers"):
        scenario.load(changed(tmp_path, levels, "levels = []\n"))


def test_a_maker_splits_its_markets_into_as_many_as_an_account_can_quote() -> None:
    told = scenario.load(scenario.find("oct10_cross"))
    assert scenario.desks(told) == [tuple(range(8)), (8, 9, 10, 11)]
    deep = told.book.model_copy(update={"levels": told.book.levels * 4})  # 16 orders a market
    assert scenario.desks(told.model_copy(update={"book": deep}))[0] == (0, 1)
    assert scenario.desks(scenario.load(scenario.find("oct10_btc"))) == [(0,)]


# --- more traders --------------------------------------------------------------------------------


def test_a_grown_scenario_keeps_its_proportions() -> None:
    told = scenario.load(scenario.find("oct10_btc"))
    grown = scenario.grown(told, 1_000)
    assert [group.count for group in told.population] == [40, 30, 10, 20]
    assert [group.count for group in grown.population] == [400, 300, 100, 200]
    depths = [level.depth_usd * 10 for level in told.book.levels]
    assert [level.depth_usd for level in grown.book.levels] == depths
    assert grown.book.collateral_usd == told.book.collateral_usd * 10
    assert grown.markets[0].open_interest_cap == told.markets[0].open_interest_cap * 10
    amounts = [one.amount_usd * 10 for one in told.vault.depositors]
    assert [one.amount_usd for one in grown.vault.depositors] == amounts
    scenario.check(grown, "grown")


def test_a_scenario_of_its_own_size_is_itself() -> None:
    told = scenario.load(scenario.find("oct10_btc"))
    assert scenario.grown(told, 100) == told


@pytest.mark.parametrize("traders", [7, 101, 333])
def test_there_are_as_many_traders_as_asked(traders: int) -> None:
    grown = scenario.grown(scenario.load(scenario.find("oct10_btc")), traders)
    assert sum(group.count for group in grown.population) == traders
    assert all(group.count for group in grown.population)


def test_fewer_traders_than_groups_are_refused() -> None:
    told = scenario.load(scenario.find("oct10_btc"))
    assert len(scenario.grown(told, 4).population) == 4
    with pytest.raises(BadInput, match="at least 4"):
        scenario.grown(told, 3)


def test_nobody_drawn_is_nobody_to_grow() -> None:
    told = scenario.load(scenario.find("oct10_btc")).model_copy(update={"population": ()})
    with pytest.raises(BadInput, match="a scenario with a population"):
        scenario.grown(told, 100)


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("long_share = 0.5\n", "long_share = 0.5\nlegs = 2\n", "population[0].legs"),
        ("long_share = 0.5\n", "long_share = 0.5\nlegs = 0\n", "population[0].legs"),
    ],
)
def test_nobody_is_in_more_markets_than_there_are(
    tmp_path: Path, old: str, new: str, field: str
) -> None:
    with pytest.raises(BadInput) as caught:
        scenario.load(changed(tmp_path, old, new))
    assert caught.value.field == field
