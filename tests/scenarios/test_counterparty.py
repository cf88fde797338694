"""A crash under GMX v2: a pool takes losers over, and closes those who win from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from spillway.model import counterparty
from spillway.rules import PPM
from spillway.units import quote_to_usd
from tests.runs import happened

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.scenarios.conftest import Story


@pytest.fixture(scope="module")
def gmx(tell: Callable[..., Story]) -> Story:
    return tell("oct10_btc", "gmx_v2")


def state(story: Story, block: int) -> tuple[int, int, int]:
    """(lots, pending, worth) of the pool at the end of a block."""
    seen = story.seen[block]
    account = seen.accounts[story.run.counterparty]
    leg, market = account.legs[0], seen.markets[0]
    return leg.size, counterparty.pending(leg, market), counterparty.worth(account, seen.markets)


def test_the_pool_stands_in_for_vault_and_fund(gmx: Story) -> None:
    assert gmx.layers == {"book", "backstop", "adl"}
    assert gmx.run.now.deficit == gmx.run.tally.flat_loss == 0
    assert not gmx.run.findings
    taken_over = [event for _, event in happened(gmx.run, "BackstopEntered")]
    assert {event.backstop for event in taken_over} == {gmx.run.counterparty}
    # In a fall as fast as this some come to it below zero, and it pays what they lack.
    assert min(event.equity for event in taken_over) < 0 < max(e.equity for e in taken_over)


def test_every_order_is_closed_in_its_block_at_the_index_down_to_the_target(gmx: Story) -> None:
    pool, terms = gmx.run.counterparty, gmx.run.preset.counterparty
    assert terms is not None
    ordered = list(happened(gmx.run, "ProfitLimited"))
    closed = list(happened(gmx.run, "Deleveraged"))
    assert ordered
    for block, order in ordered:
        assert order.pending * PPM > terms.factor_ppm * order.worth
        fills = [fill for at, fill in closed if at == block and fill.account == pool]
        assert sum(fill.lots for fill in fills) == order.lots
        index = gmx.seen[block].markets[0].index
        assert {fill.quote for fill in fills} == {fill.lots * index for fill in fills}
        _, pending, worth = state(gmx, block)
        assert pending * PPM <= terms.target_ppm * worth
    # Nobody else lost a position to auto-deleveraging.
    assert {fill.account for _, fill in closed} == {pool}


def test_no_block_ends_beyond_the_limit(gmx: Story) -> None:
    terms = gmx.run.preset.counterparty
    assert terms is not None
    states = [state(gmx, block) for block in range(len(gmx.seen))]
    assert max(pending * PPM / worth for _, pending, worth in states) <= terms.factor_ppm
    assert max(size for size, _, _ in states) > 0


def test_traders_meet_its_quotes_beside_those_of_makers(gmx: Story) -> None:
    pool, makers = gmx.run.counterparty, {member.account for member in gmx.run.roster.makers}
    fills = [fill for _, fill in happened(gmx.run, "Filled")]
    assert {fill.maker for fill in fills} > {pool}
    assert makers.intersection(fill.maker for fill in fills)


def test_the_summary_tells_its_result_as_the_fund_s(gmx: Story) -> None:
    run, pool = gmx.run, gmx.run.counterparty
    start = quote_to_usd(run.start.equity(pool))
    assert gmx.usd("fund", "equity_start_usd") == start
    assert gmx.usd("fund", "pnl_usd") == gmx.equity(pool) - start < 0
