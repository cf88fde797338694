"""A keeper outage: what nobody calls does not happen, and somebody else pays for it."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from spillway.units import price_to_usd
from tests.runs import happened, sent

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.scenarios.conftest import Story

AWAY = range(4, 24)
SIZE, ENTRY = 10, 100_000
FEE = SIZE * ENTRY * Decimal("0.00045")
LOSERS = {"long_14x": 70_000, "long_20x": 50_000}
WATERFALL = ("liquidate", "deleverage", "shed", "trigger")


@pytest.fixture(scope="module")
def story(tell: Callable[..., Story]) -> Story:
    return tell("keeper_outage")


@pytest.fixture(scope="module")
def attended(tell: Callable[..., Story]) -> Story:
    return tell("keeper_outage", without="outage")


def test_nobody_calls_the_waterfall_while_keepers_are_away(story: Story) -> None:
    blocks = {block for function in WATERFALL for block, _ in sent(story.run, function)}
    assert blocks
    assert not blocks & set(AWAY)
    below_zero = [block.below_zero for block in story.run.blocks]
    assert below_zero[AWAY[-1]] == len(LOSERS)
    assert below_zero[AWAY[-1] + 1] == 0


def test_prices_and_makers_go_on(story: Story) -> None:
    assert set(AWAY) <= {block for block, _ in sent(story.run, "update")}
    assert set(AWAY) & {block for block, _ in sent(story.run, "requote")}


def test_the_short_pays_to_the_last_unit_what_the_two_longs_owe(story: Story) -> None:
    back = AWAY[-1] + 1
    mark = price_to_usd(story.run.blocks[back].markets[0].mark, 5)
    owed = {name: SIZE * (ENTRY - mark) + FEE - collateral for name, collateral in LOSERS.items()}
    assert all(debt > 0 for debt in owed.values())
    assert {story.account(name) for name in LOSERS} == {
        begun.account for block, begun in happened(story.run, "ClosingBegun") if block == back
    }
    needed = story.usd("adl", "needed_usd")
    assert needed == sum(owed.values()) == story.usd("adl", "taken_usd")
    assert story.layers == {"adl"}
    assert list(story.run.tally.winners.taken) == [story.account("short")]


def test_with_keepers_the_book_is_enough(attended: Story) -> None:
    assert attended.layers == {"book"}
    for name in LOSERS:
        assert attended.size(name) == 0
        assert attended.equity(name) > 0
    assert attended.usd("adl", "taken_usd") == 0


def test_who_is_far_from_liquidation_notices_nothing(story: Story, attended: Story) -> None:
    assert story.size("long_10x") == attended.size("long_10x") == SIZE * 10**5
    assert story.summary["vault"]["pnl_usd"] == attended.summary["vault"]["pnl_usd"] == "0"


def test_a_flat_account_is_paid_while_others_are_below_zero(story: Story) -> None:
    ((block, paid),) = happened(story.run, "Withdrawn")
    assert block in AWAY
    assert paid.account == story.account("saver")
    assert paid.paid == paid.units == 50_000 * 10**6
