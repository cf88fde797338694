"""Poker: one winner against every table, who can't win more than what is on them."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from spillway.units import quote_to_usd
from tests.runs import happened

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.scenarios.conftest import Story

TABLES, PLAYERS, LOTS = 4, 3, 100
CAPITAL = 30  # of the vault's liquidator, USD


@pytest.fixture(scope="module")
def story(tell: Callable[..., Story]) -> Story:
    return tell("poker")


def chips(story: Story) -> Decimal:
    """What all players have when the run begins, USD."""
    names = [f"player_{t + 1}_{p + 1}" for t in range(TABLES) for p in range(PLAYERS)]
    return sum((story.equity(name, 0) for name in names), Decimal(0))


def test_every_player_is_taken_over_and_ends_with_nothing(story: Story) -> None:
    assert story.layers == {"book", "backstop", "adl"}
    assert sum(entered.filled for _, entered in happened(story.run, "BookEntered")) == 0
    assert story.summary["layers"]["backstop"]["count"] == TABLES * PLAYERS
    for name in (m.name for m in story.run.roster.accounts.values() if m.name != "shark"):
        assert story.equity(name) == story.size(name, int(name.split("_")[1]) - 1) == 0


def test_the_shark_is_deleveraged_at_every_table_once_and_whole(story: Story) -> None:
    fills = [(f.market, f.winner, f.lots) for _, f in happened(story.run, "Deleveraged")]
    assert fills == [(t, story.account("shark"), PLAYERS * LOTS) for t in range(TABLES)]
    assert story.run.now.accounts[story.account("shark")].legs == {}


def test_a_table_closes_once_the_liquidator_is_below_zero_at_the_mark_before(
    story: Story,
) -> None:
    for (block, begun), (_, fill) in zip(
        happened(story.run, "ClosingBegun"), happened(story.run, "Deleveraged"), strict=True
    ):
        before = story.run.blocks[block - 1]
        assert begun.account == story.run.child
        assert begun.equity < 0 <= story.seen[block - 1].equity(story.run.child)
        assert fill.quote == fill.lots * before.markets[fill.market].mark


def test_nobody_wins_more_than_what_is_on_the_table(story: Story) -> None:
    won = story.equity("shark") - story.equity("shark", 0)
    right_by = sum(
        PLAYERS * LOTS * (100 - quote_to_usd(market.mark))
        for market in story.run.blocks[-1].markets
    )
    assert right_by == 33_600
    # To the cent: what all players had, and what the vault lost of its liquidator's capital.
    assert won == chips(story) - story.usd("vault", "pnl_usd")
    assert 0 <= -story.usd("vault", "pnl_usd") <= CAPITAL
    assert won < right_by
