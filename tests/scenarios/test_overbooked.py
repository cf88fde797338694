"""Overbooked: every line of the tutorial, worked out by hand."""

from __future__ import annotations

import io
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from spillway import waterfall_table
from spillway.build import ROOT
from spillway.units import quote_to_usd
from tests.runs import happened

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.scenarios.conftest import Story

TAKER, MAKER = Decimal("0.00045"), Decimal("0.00015")
LOSER, WINNER, BUYER, CHILD = 250, 300, 200, 15  # USD, once the opening fees are paid
SALE_FEE = 3 * 80 * TAKER


@pytest.fixture(scope="module")
def story(tell: Callable[..., Story]) -> Story:
    return tell("overbooked")


def test_marks_are_those_of_the_story(story: Story) -> None:
    marks = [quote_to_usd(block.markets[0].mark) for block in story.run.blocks]
    assert marks == [100, 100, 90, 82, 76, 72, 68, 68]


def test_at_82_the_book_sells_three_within_the_bankruptcy_limit(story: Story) -> None:
    (block, entered), *_ = happened(story.run, "BookEntered")
    equity = LOSER - 10 * (100 - 82)
    assert 10 * 82 * Decimal("0.1") > equity  # below maintenance
    limit = 82 - (equity - 10 * 82 * TAKER) / 10
    assert (block, entered.filled) == (3, 3)
    assert quote_to_usd(entered.limit) == limit
    assert limit < quote_to_usd(entered.quote) / 3 == 80
    assert story.equity("loser", 3) == equity - 3 * (82 - 80) - SALE_FEE
    assert story.size("buyer", block=3) == 3


def test_at_76_the_vault_takes_the_rest_with_what_is_left(story: Story) -> None:
    ((block, taken),) = happened(story.run, "BackstopEntered")
    left = LOSER - 10 * 18 - 3 * 2 - SALE_FEE - 7 * (82 - 76)
    assert 3 * left < 2 * (7 * 76 * Decimal("0.1"))  # below two thirds of maintenance
    assert block == 4
    assert quote_to_usd(taken.equity) == left
    assert story.equity("loser", 4) == story.size("loser", block=4) == 0
    assert story.equity(story.run.child, 4) == CHILD + left
    assert story.size(story.run.child, block=4) == 7


def test_at_68_the_winner_is_closed_at_the_mark_before(story: Story) -> None:
    left = LOSER - 10 * 18 - 3 * 2 - SALE_FEE - 7 * (82 - 76)
    ((block, begun),) = happened(story.run, "ClosingBegun")
    needed = 7 * (76 - 68) - (CHILD + left)
    assert block == 6
    assert -quote_to_usd(begun.equity) == story.usd("adl", "needed_usd") == needed > 0
    ((_, closed),) = happened(story.run, "Deleveraged")
    assert (closed.winner, closed.lots) == (story.account("winner"), 7)
    assert quote_to_usd(closed.quote) == 7 * 72
    assert story.usd("adl", "taken_usd") == 7 * (72 - 68)
    assert story.equity(story.run.child) == CHILD + left - 7 * (76 - 72)


def test_the_winnings_that_nobody_can_pay_are_what_was_needed(story: Story) -> None:
    owed = 10 * (100 - 68)
    there = LOSER + 3 * (80 - 68) + CHILD - SALE_FEE  # loser, buyer, liquidator, less the fee
    assert story.usd("adl", "needed_usd") == owed - there


def test_everyone_ends_with_what_the_tutorial_says(story: Story) -> None:
    assert story.equity("loser") == 0
    assert story.equity("winner") == WINNER + 7 * (100 - 72) + 3 * (100 - 68)
    assert story.equity("buyer") == BUYER - 3 * (80 - 68) - 3 * 80 * MAKER
    assert (story.size("winner"), story.size("buyer")) == (-3, 3)
    assert story.layers == {"book", "backstop", "adl"}


def test_with_all_of_the_vault_behind_it_the_liquidator_holds_out(
    tell: Callable[..., Story],
) -> None:
    shared = tell("overbooked", "hyperliquid_jelly")
    assert shared.layers == {"book", "backstop"}
    assert shared.size(shared.run.child) == 7
    margin = LOSER - 10 * 18 - 3 * 2 - SALE_FEE - 7 * 6
    assert shared.equity(shared.run.child) == 500 + margin - 7 * (76 - 68)


def test_without_the_bid_it_is_over_a_block_earlier(tell: Callable[..., Story]) -> None:
    alone = tell("overbooked", without="order")
    ((block, _),) = happened(alone.run, "ClosingBegun")
    assert block == 5
    assert CHILD + (LOSER - 10 * (100 - 76)) - 10 * (76 - 72) < 0
    assert alone.equity("winner", 5) == WINNER + 10 * (100 - 76) == 540
    assert alone.size("winner", block=5) == 0


def test_the_tutorial_shows_what_the_terminal_shows(story: Story) -> None:
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(waterfall_table.render(story.run, story.summary))
    tutorial = (ROOT / "docs/tutorial.md").read_text(encoding="utf-8")
    shown = {" ".join(line.split()) for line in tutorial.splitlines()}
    for line in console.export_text().splitlines():
        if "transactions" not in line:  # the seconds that it took stand there
            assert " ".join(line.split()) in shown
