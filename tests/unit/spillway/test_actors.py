"""What actors decide from a view: pure, no chain behind it but for the encoding of calls."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from spillway import presets, scenario
from spillway.actors.keeper import GAS_ACCOUNT, GAS_CALL, GAS_LEG, MOST_ACCOUNTS, batches
from spillway.actors.market_maker import depth_share, volatility
from spillway.actors.provider import shedding
from spillway.observe import StandingStop
from spillway.units import usd_to_price
from spillway.venue import Kind, Order

# --- makers --------------------------------------------------------------------------------------


def test_volatility_is_the_mean_move_of_a_block() -> None:
    # 1 % up, then 2 % down: 100 and 200 basis points.
    assert volatility([10_000, 10_100, 9_898]) == 150


def test_one_mark_is_no_move() -> None:
    assert volatility([10_000]) == 0


@pytest.mark.parametrize(
    ("moves", "share"),
    [("0", "1"), ("10", "1"), ("55", "0.55"), ("100", "0.1"), ("500", "0.1")],
)
def test_depth_falls_in_a_straight_line_down_to_its_floor(moves: str, share: str) -> None:
    book = scenario.load(scenario.find("thin")).book
    assert book.withdrawal.calm_bp == 10
    assert book.withdrawal.gone_bp == 100
    assert depth_share(book, Decimal(moves)) == Decimal(share)


# --- keeper --------------------------------------------------------------------------------------


def test_batches_keep_the_order_and_leave_nobody_out() -> None:
    due = list(range(3, 40))
    made = list(batches(due, [1] * len(due)))
    assert [number for batch in made for number in batch] == due


def test_a_batch_fits_into_a_transaction() -> None:
    legs = [1, 2, 3, 1, 1, 1, 8, 1]
    for batch in batches(range(len(legs)), legs):
        gas = sum(GAS_ACCOUNT + GAS_LEG * legs[number] for number in batch)
        assert gas <= GAS_CALL or len(batch) == 1
        assert len(batch) <= MOST_ACCOUNTS


def test_nobody_due_makes_no_batch() -> None:
    assert list(batches([], [])) == []


# --- providers -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "limit", "lots"),
    [
        # Half a percent of 100 USD, a twentieth of the position, rounded up.
        (2_001, "99.5", 101),
        (-2_001, "100.5", 101),
        # A lot of 0.01 is worth 0.995 or 1.005: the book wants 10 USD.
        (100, "99.5", 11),
        (-100, "100.5", 10),
        (3, "99.5", 3),
    ],
)
def test_a_provider_sheds_as_the_vault_does(size: int, limit: str, lots: int) -> None:
    rules = presets.load(presets.find("ftx")).vault
    assert (rules.shed_slice_ppm, rules.shed_band_ppm) == (50_000, 5_000)
    mark = usd_to_price(Decimal(100), 2)
    order = shedding(size, mark, 2, rules)
    assert order == Order(size < 0, usd_to_price(Decimal(limit), 2), lots, Kind.IOC, True)


# --- stops ---------------------------------------------------------------------------------------


def test_a_stop_fires_on_its_side_of_the_trigger() -> None:
    below = StandingStop(market=0, above=False, trigger=100)
    assert [below.reached(mark) for mark in (99, 100, 101)] == [True, True, False]
    above = replace(below, above=True)
    assert [above.reached(mark) for mark in (99, 100, 101)] == [False, True, True]
