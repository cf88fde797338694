"""19 May 2021: who can't reach the venue can neither rescue a position nor leave."""

from __future__ import annotations

import csv
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from spillway import scenario
from spillway.build import ROOT
from tests.runs import happened

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.scenarios.conftest import Story

BARS = ROOT.parent / "shared/data/prices/BTCUSDT_perp_1m_2021-05-19_1231-1335_binance_um.csv"

START = 12 * 60 + 36  # minutes
BLOCKS_A_MINUTE = 4
CUT, BACK = ((minute - START) * BLOCKS_A_MINUTE for minute in (12 * 60 + 40, 13 * 60 + 10))
CLOSES, RESCUES = ((12 * 60 + m - START) * BLOCKS_A_MINUTE for m in (47, 55))
BY_TRADERS = {
    "OrderBook.place",
    "OrderBook.place_stop",
    "OrderBook.cancel",
    "Custody.deposit",
    "Custody.request_withdrawal",
}


@pytest.fixture(scope="module")
def story(tell: Callable[..., Story]) -> Story:
    return tell("may19_2021")


@pytest.fixture(scope="module")
def reachable(tell: Callable[..., Story]) -> Story:
    return tell("may19_2021", without="outage")


def sent_in(story: Story, blocks: range) -> set[str]:
    steps = story.run.blocks[blocks.start : blocks.stop]
    return {receipt.label for block in steps for receipt in block.receipts}


@pytest.mark.skipif(not BARS.is_file(), reason=f"needs {BARS.name}, which is not shipped")
def test_the_bars_are_the_public_ones() -> None:
    with BARS.open(encoding="utf-8") as file:
        public = {
            int(row["open_time_ms"]) // 1000: tuple(
                Decimal(row[key]) for key in ("open", "high", "low", "close")
            )
            for row in csv.DictReader(file)
        }
    bars = scenario.load(scenario.find("may19_2021")).markets[0].path.bars or ()
    assert len(bars) == 41
    assert all(public[bar[0]] == tuple(bar[1:]) for bar in bars)


def test_no_trader_sends_anything_for_half_an_hour(story: Story) -> None:
    assert sent_in(story, range(CUT)) & BY_TRADERS
    assert not sent_in(story, range(CUT, BACK)) & BY_TRADERS
    assert sent_in(story, range(BACK, BACK + 1)) >= {"Custody.deposit"}


def test_prices_makers_and_liquidations_go_on(story: Story) -> None:
    for block in range(CUT, BACK):
        assert "Oracle.update" in sent_in(story, range(block, block + 1))
    assert sent_in(story, range(CUT, BACK)) >= {"OrderBook.requote", "Liquidator.liquidate"}
    assert story.layers == {"book", "backstop", "adl"}


def test_sixty_thousand_at_12_55_would_have_been_enough() -> None:
    told = scenario.load(scenario.find("may19_2021"))
    path = told.markets[0].path.walked
    entry = path.at(told.clock.start_time)
    lows = [path.at(told.clock.time_of(block)) for block in range(RESCUES, told.clock.blocks)]
    lowest, lowest_before = min(lows), min(lows[: BACK - RESCUES])
    # Equity at a price less maintenance, 1.25 % of 10 BTC; beside the fee of 171 there is room for
    # a mark that is 1 % away from its index.
    slack = {
        (paid, price): 70_000 + paid - 10 * (entry - price) - 10 * price / 80
        for paid, price in ((0, lowest_before), (60_000, lowest))
    }
    assert slack[0, lowest_before] < -(171 + lowest_before / 10)
    assert slack[60_000, lowest] > 171 + lowest / 10


def test_collateral_that_comes_too_late_saves_nothing(story: Story, reachable: Story) -> None:
    assert story.size("rescuer", block=CUT - 1) == reachable.size("rescuer") == 10 * 10**5
    paid_in = [block for block, _ in happened(story.run, "Deposited")]
    assert paid_in == [BACK]
    assert story.size("rescuer", block=BACK - 1) == 0
    assert [block for block, _ in happened(reachable.run, "Deposited")] == [RESCUES]


def test_a_winner_who_can_not_leave_is_deleveraged(story: Story, reachable: Story) -> None:
    for told, hit in ((story, True), (reachable, False)):
        winners = {fill.winner for _, fill in happened(told.run, "Deleveraged")}
        assert (told.account("winner") in winners) == hit
    assert reachable.size("winner", block=CLOSES) == 0
    block, first = next(happened(story.run, "Deleveraged"))
    assert CLOSES < block < BACK
    assert first.winner == story.account("winner")  # in front of the queue
    # It is paid the mark before, which is above the mark: less than it had won.
    assert first.taken > 0
