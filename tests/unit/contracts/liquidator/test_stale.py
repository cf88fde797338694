"""A stale market shields an account from liquidation, but not for ever and not for a trifle."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.bench import USD
from tests.unit.contracts.hand import swap
from tests.unit.contracts.liquidator.ward import (
    BELOW_ZERO,
    HEALTHY,
    MAX_AGE,
    ONE_UNIT,
    RESTORED,
    SHIELDED,
    STALE,
    TAKEN_OVER,
    WAITS,
    maker,
    outcome,
    rich,
)

if TYPE_CHECKING:
    from decimal import Decimal

    from tests.bench import Bench


def open_legs(bench: Bench, usd: Decimal | int, fresh: int, stale: int) -> int:
    """Long in market 0, which stays fresh, and in market 1, which turns stale at its mark of 50."""
    account = bench.open("legs", usd)
    swap(bench, account, rich(bench), fresh, 100)
    swap(bench, account, rich(bench), stale, 50, market=1)
    bench.age(MAX_AGE)
    bench.mark(100)
    market = bench.pool.call.market
    assert (market(0).fresh, market(1).fresh) == (True, False)
    return account


@pytest.mark.parametrize(("fresh", "acts"), [(9, True), (8, False)])
def test_a_stale_tenth_of_notional_is_no_shield(bench: Bench, fresh: int, acts: bool) -> None:
    """100 stale beside 900 is a tenth; beside 800 it is more, and with a tenth of it E >= mm."""
    maintenance = fresh * 10 + 10
    account = open_legs(bench, maintenance - 5, fresh, 2)
    assert bench.liquidator.call.is_liquidatable(account) == acts
    receipt = bench.liquidate(account)
    assert outcome(receipt, account) == (WAITS if acts else SHIELDED)
    assert bool(receipt.named("BookEntered")) == acts


@pytest.mark.parametrize(("missing", "shielded"), [(0, True), (ONE_UNIT, False)])
def test_a_stale_leg_is_a_shield_as_far_as_a_move_of_a_tenth_would_help(
    bench: Bench, missing: Decimal | int, shielded: bool
) -> None:
    """Of maintenance 60 + 20 a tenth of the stale 200 makes 20 good."""
    account = open_legs(bench, 60 - missing, 6, 4)
    assert outcome(bench.liquidate(account), account) == (SHIELDED if shielded else WAITS)


def test_the_fresh_legs_of_a_judged_account_are_sold_and_the_stale_one_is_not(
    bench: Bench,
) -> None:
    account = open_legs(bench, 55, 6, 4)
    bench.place(maker(bench), 6, 100)
    receipt = bench.liquidate(account)
    assert [event.market for event in receipt.named("BookEntered")] == [0]
    assert (bench.size(account, 0), bench.size(account, 1)) == (0, 4)
    assert outcome(receipt, account) == RESTORED


def test_no_takeover_with_a_stale_leg(bench: Bench) -> None:
    account = open_legs(bench, 25, 6, 4)
    health = bench.pool.call.health(account)
    assert 3 * health.equity < 2 * health.maintenance
    receipt = bench.liquidate(account)
    assert outcome(receipt, account) == WAITS
    assert receipt.named("BackstopRefused")[0].reason == STALE
    bench.mark(100, 50)
    assert outcome(bench.liquidate(account), account) == TAKEN_OVER


def test_below_zero_by_a_stale_mark_is_not_yet_for_auto_deleveraging(bench: Bench) -> None:
    """Its fresh leg is sold at mark or better: no lot is sold for what it does not have."""
    account = open_legs(bench, 25, 6, 4)
    bench.mark(94)
    assert bench.equity(account) == -11
    bench.place(maker(bench), 2, 94)
    bench.place(maker(bench), 2, 93)
    receipt = bench.liquidate(account)
    (event,) = receipt.named("BookEntered")
    assert (event.limit, event.filled) == (94 * USD, 2)
    assert outcome(receipt, account) == WAITS
    bench.mark(94, 50)
    assert outcome(bench.liquidate(account), account) == BELOW_ZERO


def test_a_healthy_account_with_a_stale_leg_is_healthy(bench: Bench) -> None:
    account = open_legs(bench, 80, 6, 4)
    assert outcome(bench.liquidate(account), account) == HEALTHY


def test_an_account_whose_only_market_is_stale_waits_for_its_mark(bench: Bench) -> None:
    account = bench.open("long", 255)
    swap(bench, account, rich(bench), 10, 100)
    bench.mark(81)
    bench.age(MAX_AGE + 1)
    assert outcome(bench.liquidate(account), account) == SHIELDED
    bench.mark(81)
    assert outcome(bench.liquidate(account), account) == WAITS


def test_nothing_is_sold_by_a_stale_mark_however_little_is_left(bench: Bench) -> None:
    """A mark a tenth better would not save it, so it is judged; but there is no leg to sell."""
    account = bench.open("long", 191)
    swap(bench, account, rich(bench), 10, 100)
    bench.place(maker(bench), 10, 95)
    bench.mark(81)
    bench.age(MAX_AGE + 1)
    receipt = bench.liquidate(account)
    assert outcome(receipt, account) == SHIELDED

    bench.mark(80)
    bench.age(MAX_AGE + 1)
    assert bench.equity(account) + 80 < 80
    receipt = bench.liquidate(account)
    assert outcome(receipt, account) == WAITS
    assert not receipt.named("BookEntered")
    assert bench.size(account) == 10
