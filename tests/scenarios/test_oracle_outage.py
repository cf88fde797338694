"""An oracle outage: a stale mark settles nothing, and the gap after it is the winner's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from spillway.units import quote_to_usd
from tests.runs import happened, sent

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.scenarios.conftest import Story

SILENT = range(4, 24)
MAX_AGE = 60  # seconds: 4 blocks
SIZE, BEFORE, AFTER = 10, 100_000, 92_000
LOSS = SIZE * (BEFORE - AFTER)


@pytest.fixture(scope="module")
def story(tell: Callable[..., Story]) -> Story:
    return tell("oracle_outage")


def test_the_mark_grows_stale_and_is_8_percent_lower_when_it_is_back(story: Story) -> None:
    assert story.run.preset.oracle.max_mark_age_seconds == MAX_AGE
    back = SILENT[-1] + 1
    marks = [quote_to_usd(block.markets[0].mark) * 10**5 for block in story.run.blocks]
    assert set(marks[:back]) == {BEFORE}
    assert set(marks[back:]) == {AFTER}
    fresh = [block.step for block in story.run.blocks if block.markets[0].fresh(block.timestamp)]
    assert set(range(len(marks))) - set(fresh) == set(SILENT[MAX_AGE // 15 :])


def test_nothing_moves_in_the_silence(story: Story) -> None:
    accounts = [story.seen[block].accounts for block in SILENT]
    assert all(seen == accounts[0] for seen in accounts)
    refused = [receipt.reason for block, receipt in sent(story.run, "place") if block in SILENT]
    assert refused == ["book: stale mark"]
    assert not [block for block, _ in sent(story.run, "liquidate") if block in SILENT]


def test_who_asks_for_cash_in_the_silence_is_paid_in_the_first_epoch_after_it(
    story: Story,
) -> None:
    asked = {block for block, _ in happened(story.run, "WithdrawalRequested")}
    paid = {e.account: (block, e.paid) for block, e in happened(story.run, "Withdrawn")}
    assert asked <= set(SILENT)
    assert paid == {
        story.account("saver"): (SILENT[-1] + 1, 50_000 * 10**6),
        story.account("short"): (SILENT[-1] + 1, 100_000 * 10**6),
    }


def test_who_is_below_zero_is_closed_at_the_mark_from_before_the_silence(story: Story) -> None:
    ((block, begun),) = happened(story.run, "ClosingBegun")
    assert block == SILENT[-1] + 1
    assert begun.account == story.account("more_levered")
    assert quote_to_usd(begun.equity) == 40_000 - LOSS
    ((_, fill),) = happened(story.run, "Deleveraged")
    assert quote_to_usd(fill.quote) == SIZE * BEFORE
    assert story.usd("adl", "needed_usd") == LOSS - 40_000
    assert story.usd("adl", "taken_usd") == LOSS
    # Its residual is all that it had brought.
    assert story.equity("more_levered") == 40_000
    assert story.size("more_levered") == 0


def test_who_is_above_zero_loses_the_rest_to_the_vault(story: Story) -> None:
    ((block, taken),) = happened(story.run, "BackstopEntered")
    assert block == SILENT[-1] + 1
    assert taken.account == story.account("less_levered")
    assert quote_to_usd(taken.equity) == 86_000 - LOSS
    assert story.equity("less_levered") == 0
    assert story.usd("vault", "pnl_usd") == 86_000 - LOSS


def test_the_short_has_won_on_half_of_its_position_alone(story: Story) -> None:
    assert story.layers == {"book", "backstop", "adl"}
    assert story.size("short") == -SIZE * 10**5
    assert story.equity("short") == 1_000_000 + LOSS - 100_000
