"""The crash of 10 October where nobody is closed by force: venues that charge a loss per lot."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from spillway.model.words import FEES
from tests import runs

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.scenarios.conftest import Story

VENUES = ("drift", "percolator_like", "deribit")


@pytest.mark.parametrize("venue", VENUES)
def test_losses_are_charged_and_no_winner_is_closed(tell: Callable[..., Story], venue: str) -> None:
    story = tell("oct10_btc", venue)
    assert story.run.findings == []
    assert {"insurance", "socialized"} <= story.layers
    assert "adl" not in story.layers
    assert story.run.tally.winners.hits == []
    assert story.summary["deficit_usd"] == "0"
    assert story.run.tally.flat_loss == 0


@pytest.mark.parametrize("venue", VENUES)
def test_what_holders_lost_is_what_losers_owed_and_the_fund_did_not_pay(
    tell: Callable[..., Story], venue: str
) -> None:
    """To the last unit: holders paid what was charged, and what rounding raised for fees."""
    run = tell("oct10_btc", venue).run
    closed = [args for _, args in runs.happened(run, "Socialized")]
    losers = {args.account for args in closed}
    rounding = [
        args.amount
        for _, args in runs.happened(run, "Paid")
        if args.target == FEES and args.source in losers
    ]
    charged = sum(args.charged for args in closed)
    assert sum(run.tally.winners.taken.values()) == charged + sum(rounding)
    assert all(args.owed == args.covered + args.charged for args in closed)
    lots = sum(args.lots for _, args in runs.happened(run, "Charged"))
    assert sum(rounding) < lots


def test_one_side_or_both_bear_a_loss(tell: Callable[..., Story]) -> None:
    """BTC falls: longs lose, shorts gained. Drift's longs pay as well."""
    sides = {
        venue: {args.longs for _, args in runs.happened(tell("oct10_btc", venue).run, "Charged")}
        for venue in VENUES
    }
    assert sides == {"drift": {True, False}, "percolator_like": {False}, "deribit": {False}}


def test_who_keeps_the_lots_keeps_what_they_regain(tell: Callable[..., Story]) -> None:
    """At Hyperliquid winners are closed near the low; here they stay short while BTC comes back."""
    fund = tell("oct10_btc", "percolator_like")
    assert fund.usd("fund", "pnl_usd") > fund.usd("adl", "taken_usd")
