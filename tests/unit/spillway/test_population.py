"""Draws from the shape of a real population, and how well the shape fits it."""

from __future__ import annotations

import csv
from decimal import Decimal
from pathlib import Path

import pytest

from spillway.build import ROOT
from spillway.population import COLLATERAL_USD, LEVERAGE, Quantiles, uniform
from tests.rng import seeded

DATA = ROOT.parent / "shared/data/hyperliquid_oct10/adl_by_user_REALTIME.csv"

# The filter that the tables were made with; docs/population.md says why.
LEAST_VALUE, MOST_LEVERAGE = 100, 40

HALVES = Quantiles([Decimal(0), Decimal("0.5"), Decimal(1)], [Decimal(0), Decimal(2), Decimal(10)])


def test_a_quantile_between_two_that_are_known_is_on_the_line() -> None:
    assert HALVES.value(Decimal("0.25")) == 1
    assert HALVES.value(Decimal("0.75")) == 6


def test_the_share_below_a_value_undoes_the_quantile() -> None:
    assert HALVES.share(Decimal(6)) == Decimal("0.75")


def test_beyond_its_ends_a_distribution_has_nobody() -> None:
    assert HALVES.share(Decimal(-1)) == 0
    assert HALVES.share(Decimal(11)) == 1
    assert HALVES.value(Decimal(2)) == 10


def test_draws_stay_between_their_bounds() -> None:
    rng = seeded(1)
    drawn = [HALVES.draw(rng, Decimal(1), Decimal(6)) for _ in range(1000)]
    assert min(drawn) >= 1
    assert max(drawn) <= 6


def test_draws_between_bounds_keep_the_shape() -> None:
    rng = seeded(1)
    drawn = [HALVES.draw(rng, Decimal(1), Decimal(6)) for _ in range(4000)]
    # From 1 to 6 lie half of the population, from 1 to 2 a quarter: every other draw. The standard
    # deviation of 4,000 such draws is 0.8 %.
    assert sum(value <= 2 for value in drawn) / 4000 == pytest.approx(0.5, abs=0.04)


def test_the_same_seed_draws_the_same() -> None:
    draws = [
        [LEVERAGE.draw(rng, Decimal(1), Decimal(40)) for _ in range(20)]
        for rng in (seeded(7), seeded(7), seeded(8))
    ]
    assert draws[0] == draws[1]
    assert draws[0] != draws[2]


def test_uniform_draws_reach_both_ends_of_their_range() -> None:
    rng = seeded(1)
    drawn = [uniform(rng, Decimal(10), Decimal(20)) for _ in range(1000)]
    assert 10 <= min(drawn) < Decimal("10.1")
    assert Decimal("19.9") < max(drawn) <= 20


@pytest.mark.parametrize("table", [LEVERAGE, COLLATERAL_USD])
def test_the_tables_ascend_over_the_whole_population(table: Quantiles) -> None:
    assert list(table.shares) == sorted(set(table.shares))
    assert list(table.values) == sorted(set(table.values))
    assert table.shares[0] == 0
    assert table.shares[-1] == 1


@pytest.mark.skipif(not DATA.is_file(), reason=f"needs {DATA.name}, which is not shipped")
@pytest.mark.parametrize(
    ("table", "column"),
    [(LEVERAGE, "leverage_realtime"), (COLLATERAL_USD, "account_value_realtime")],
)
def test_the_tables_fit_the_accounts_of_10_october(table: Quantiles, column: str) -> None:
    values = sorted(Decimal(row[column]) for row in population())
    assert len(values) == 16_380
    # Kolmogorov-Smirnov: the largest distance between the table's distribution and the accounts'.
    shares = [table.share(value) for value in values]
    places = [Decimal(place) / len(values) for place in range(len(values) + 1)]
    distance = max(
        max(abs(share - places[n]), abs(share - places[n + 1])) for n, share in enumerate(shares)
    )
    assert distance < Decimal("0.03")


def population() -> list[dict[str, str]]:
    with Path(DATA).open(encoding="utf-8") as file:
        return [
            row
            for row in csv.DictReader(file)
            if Decimal(row["account_value_realtime"]) >= LEAST_VALUE
            and 0 < Decimal(row["leverage_realtime"]) <= MOST_LEVERAGE
        ]
