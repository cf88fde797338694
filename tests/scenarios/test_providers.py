"""A crash under FTX and GTE: traders behind the book, and who stands behind them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from spillway.model import margin
from tests.runs import happened

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.scenarios.conftest import Story

NO_BACKSTOP = 3  # reason of BackstopRefused


@pytest.fixture(scope="module")
def ftx(tell: Callable[..., Story]) -> Story:
    return tell("oct10_btc", "ftx")


@pytest.fixture(scope="module")
def gte(tell: Callable[..., Story]) -> Story:
    return tell("oct10_btc", "gte")


def providers(story: Story) -> list[int]:
    return [member.account for member in story.run.roster.providers]


def refused(story: Story) -> set[tuple[int, int]]:
    """(block, account) of those whom no provider could hold."""
    told = happened(story.run, "BackstopRefused")
    return {(block, e.account) for block, e in told if e.reason == NO_BACKSTOP}


@pytest.mark.parametrize("venue", ["ftx", "gte"])
def test_every_layer_is_entered(tell: Callable[..., Story], venue: str) -> None:
    story = tell("oct10_btc", venue)
    assert story.layers == {"book", "insurance", "backstop", "adl"}
    assert story.run.now.deficit == story.run.tally.flat_loss == 0


def test_providers_take_over_below_half_of_maintenance_and_stay_above_margin(ftx: Story) -> None:
    """And the first of them has shed nearly all of it by the end."""
    entered = list(happened(ftx.run, "BackstopEntered"))
    assert {event.backstop for _, event in entered} == set(providers(ftx))
    judged = {(block, e.account): e for block, e in happened(ftx.run, "Judged")}
    for block, event in entered:
        seen = ftx.seen[block]
        assert 0 <= 2 * event.equity < judged[block, event.account].maintenance
        health = margin.health(seen.accounts[event.backstop], seen.markets, 0)
        assert health.equity >= health.initial
    assert all(
        ftx.size(who, block=-1) < ftx.size(who, block=entered[0][0]) / 10
        for who in {event.backstop for block, event in entered if block == entered[0][0]}
    )


def test_whom_no_provider_can_hold_is_closed_and_the_other_side_is_paid(ftx: Story) -> None:
    """Two thirds of what is left, the fund the rest."""
    paid = {event.account: 0 for _, event in happened(ftx.run, "ClosingBegun")}
    for _, fill in happened(ftx.run, "Deleveraged"):
        paid[fill.account] -= fill.taken
    above = [(b, e) for b, e in happened(ftx.run, "ClosingBegun") if e.equity > 0]
    assert above
    for block, begun in above:
        assert (block, begun.account) in refused(ftx)
        assert 2 * begun.equity < begun.maintenance
        assert paid[begun.account] == 2 * begun.equity // 3
        assert ftx.seen[block].equity(begun.account) == 0


def test_below_zero_the_fund_pays_until_it_is_empty_and_winners_the_rest(ftx: Story) -> None:
    lacked = {e.account: -e.equity for _, e in happened(ftx.run, "ClosingBegun") if e.equity < 0}
    by_fund, by_winners = dict.fromkeys(lacked, 0), dict.fromkeys(lacked, 0)
    for _, event in happened(ftx.run, "Covered"):
        by_fund[event.account] += event.paid
    for _, fill in happened(ftx.run, "Deleveraged"):
        if fill.account in lacked:
            by_winners[fill.account] += fill.taken
    assert {n: by_fund[n] + by_winners[n] for n in lacked} == lacked
    first, *_, last = lacked
    assert by_winners[first] == by_fund[last] == 0


def test_behind_the_providers_of_gte_stands_its_vault(gte: Story) -> None:
    entered = list(happened(gte.run, "BackstopEntered"))
    by_vault = {(block, e.account) for block, e in entered if e.backstop == gte.run.child}
    assert by_vault
    assert by_vault <= refused(gte)
    assert {e.backstop for _, e in entered} - {gte.run.child} <= set(providers(gte))
    assert len(by_vault) < len(entered)
