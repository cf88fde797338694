"""Stops when the price falls through them: filled, too late, or dead with their position.

Fee 0, maximum leverage 5, a band of 10 % around mark. Amounts are USD.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from spillway.errors import Reverted
from tests import bench as benches
from tests.bench import USD, Bench
from tests.takers import ended

if TYPE_CHECKING:
    from spillway.build import Artifacts
    from spillway.engines import Address, Engine, Receipt

HEALTHY, RESTORED, TAKEN_OVER = 0, 3, 5
FILLED, LIMIT_REACHED, NO_POSITION = 0, 2, 5
LIQUIDATED = 4
CASH = 250 + 250 + 3_000 + 3_000 + 500


@pytest.fixture
def bench(engine: Engine, artifacts: Artifacts, admin: Address, keeper: Address) -> Bench:
    """Two longs of 10 at 100, one with a stop at 92 without a limit, one with none."""
    venue = benches.deploy(engine, artifacts, admin, keeper)
    venue.list_at(100)
    for name, usd in {"stopped": 250, "bare": 250, "short": 3_000, "maker": 3_000}.items():
        venue.open(name, usd)
    venue.open_backstop("child", 500)
    a = venue.accounts
    venue.trade(a["stopped"], a["short"], 10, 100)
    venue.trade(a["bare"], a["short"], 10, 100)
    place_stop(venue, "stopped", 92)
    return venue


def place_stop(bench: Bench, name: str, trigger: int, limit: int = 0) -> None:
    """A stop that sells 10 at or below the trigger."""
    account = bench.accounts[name]
    stop = (False, False, trigger * USD, limit * USD, 10)
    bench.book.transact.place_stop(account, 0, stop, sender=bench.owners[account])


def fire(bench: Bench, name: str) -> Receipt:
    """A keeper fires the account's stop."""
    (order_id,) = bench.book.call.orders_of(bench.accounts[name])
    receipt: Receipt = bench.book.transact.trigger(order_id, sender=bench.keeper)
    return receipt


def test_a_stop_gets_out_what_the_bids_take_and_the_rest_falls(bench: Bench) -> None:
    """6 lots go at 88 and 86; the stop is spent, and 4 lots fall with the mark."""
    a = bench.accounts
    bench.place(a["maker"], 4, 88)
    bench.place(a["maker"], 2, 86)
    bench.mark(91)
    taken = ended(fire(bench, "stopped"))
    assert (taken.filled, taken.end) == (6, LIMIT_REACHED)
    assert bench.at(a["stopped"]) == (4, 250 - 1_000 + 4 * 88 + 2 * 86)
    assert bench.book.call.orders_of(a["stopped"]) == ()
    bench.mark(80)
    bench.mark(78)
    judged = bench.liquidate(a["stopped"], a["bare"]).named("Judged")
    assert [event.outcome for event in judged] == [HEALTHY, TAKEN_OVER]
    assert bench.equity(a["stopped"]) == 250 - 48 - 28 - 88
    assert bench.total_equity() == bench.cash() == CASH


def test_a_stop_does_not_fire_before_its_trigger(bench: Bench) -> None:
    bench.place(bench.accounts["maker"], 10, 92)
    bench.mark("92.01")
    with pytest.raises(Reverted, match="book: not triggered"):
        fire(bench, "stopped")
    bench.mark(92)
    assert ended(fire(bench, "stopped")).end == FILLED
    assert bench.at(bench.accounts["stopped"]) == (0, 170)


def test_a_stop_sells_no_further_than_the_band_around_the_mark(bench: Bench) -> None:
    """The mark gaps to 80: bids at 72 are in the band, one at 71 is not."""
    a = bench.accounts
    bench.mark(80)
    bench.place(a["maker"], 3, 72)
    bench.place(a["maker"], 7, 71)
    taken = ended(fire(bench, "stopped"))
    assert (taken.filled, taken.quote) == (3, 3 * 72 * USD)


def test_a_stop_with_a_limit_waits_for_no_price_below_it(bench: Bench) -> None:
    a = bench.accounts
    place_stop(bench, "bare", 95, limit=93)
    bench.place(a["maker"], 10, 91)
    bench.mark(90)
    taken = ended(fire(bench, "bare"))
    assert (taken.filled, taken.end) == (0, LIMIT_REACHED)
    assert bench.size(a["bare"]) == 10


def test_liquidation_comes_before_a_stop_that_nobody_has_fired(bench: Bench) -> None:
    a = bench.accounts
    bench.mark(80)
    bench.place(a["maker"], 10, 79)
    receipt = bench.liquidate(a["stopped"])
    assert [event.reason for event in receipt.named("Removed")] == [LIQUIDATED]
    assert receipt.named("Judged")[0].outcome == RESTORED
    assert bench.book.call.orders_of(a["stopped"]) == ()


def test_a_stop_of_a_closed_position_does_not_touch_a_later_one(bench: Bench) -> None:
    """Deleveraged as a winner, then long again: the old stop is dead, though sizes fit."""
    a = bench.accounts
    bench.mark(110)
    bench.mark(118)
    bench.open("late short", 50)
    bench.trade(a["stopped"], a["short"], 1, 118)
    size = bench.size(a["stopped"])
    assert size == 11
    bench.deposit(a["stopped"], 1_000)
    close_as_winner(bench)
    assert bench.size(a["stopped"]) == 0
    bench.mark(100)
    bench.trade(a["stopped"], a["maker"], 10, 100)
    bench.mark(91)
    bench.place(a["maker"], 10, 90)
    taken = ended(fire(bench, "stopped"))
    assert (taken.filled, taken.end) == (0, NO_POSITION)
    assert bench.size(a["stopped"]) == 10


def close_as_winner(bench: Bench) -> None:
    """The short falls below zero, and everyone long is in its queue."""
    a = bench.accounts
    assert bench.size(a["short"]) == -21
    bench.mark(240)
    bench.mark(260)
    assert bench.equity(a["short"]) < 0
    bench.liquidate(a["short"])
    bench.deleverage(a["short"])
