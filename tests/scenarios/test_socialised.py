"""The crash of 10 October where nobody is closed by force: venues that charge others a loss."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from spillway import observe
from spillway.model.adl_profit import WEIGHT_UNIT
from spillway.model.words import FEES
from tests import runs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from spillway.engines import Event
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
    assert sum(rounding) < max(lots, 1)


def test_one_side_or_both_bear_a_loss(tell: Callable[..., Story]) -> None:
    """BTC falls: longs lose, shorts gained. Drift's longs pay as well."""
    sides = {
        venue: {args.longs for _, args in runs.happened(tell("oct10_btc", venue).run, "Charged")}
        for venue in VENUES
    }
    assert sides == {"drift": {True, False}, "percolator_like": {False}, "deribit": set()}


def test_deribits_winners_all_give_the_same_part_of_their_profit(
    tell: Callable[..., Story],
) -> None:
    """Of each job, to the unit: those who traded in its block aside, whose profit was another."""
    story = tell("oct10_btc", "deribit")
    charged: dict[int, tuple[int, int]] = {}
    compared = 0
    for before, now, block in zip(
        [story.run.start, *story.seen], story.seen, story.run.blocks, strict=False
    ):
        events = [event for receipt in block.receipts for event in receipt.events]
        traded = observe.flows(events).traded
        for due, total, paid in jobs_of(events):
            for holder, amount in paid.items():
                leg, market = before.accounts[holder].legs.get(0), now.markets[0]
                if leg is None or holder in traded:
                    continue
                profit = leg.size * (market.mark - market.funding) - leg.cost
                cost, earlier = charged.get(holder, (leg.cost, 0))
                earlier = earlier if cost == leg.cost else 0
                weight = (profit - earlier) // WEIGHT_UNIT
                assert abs(amount * total - due * weight) <= total
                charged[holder] = leg.cost, earlier + amount
                compared += 1
    assert compared > 100


def jobs_of(events: Iterable[Event]) -> Iterator[tuple[int, int, dict[int, int]]]:
    """Yield of each job of a block what was to be borne, the sum of weights, and who paid what."""
    found: list[tuple[int, int, dict[int, int]]] = []
    for event in events:
        if event.name == "CollectionBegun":
            found.append((event.args.due, event.args.total, {}))
        elif event.name == "ProfitCharged":
            paid = found[-1][2]
            paid[event.args.holder] = paid.get(event.args.holder, 0) + event.args.amount
    yield from found


def test_who_keeps_the_lots_keeps_what_they_regain(tell: Callable[..., Story]) -> None:
    """At Hyperliquid winners are closed near the low; here they stay short while BTC comes back."""
    fund = tell("oct10_btc", "percolator_like")
    assert fund.usd("fund", "pnl_usd") > fund.usd("adl", "taken_usd")


def test_a_crowd_is_charged_on_profit_in_pages_that_all_succeed(tell: Callable[..., Story]) -> None:
    """One job for all losers of a block."""
    run = tell("oct10_btc", "deribit").run
    pages = [receipt for _, receipt in runs.sent(run, "proceed")]
    assert pages
    assert all(receipt.success for receipt in pages)
    jobs = [block for block, _ in runs.happened(run, "CollectionBegun")]
    assert len(jobs) == len(set(jobs))
    assert len(list(runs.happened(run, "Socialized"))) > 2 * len(jobs)
