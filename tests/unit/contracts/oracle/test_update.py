"""Updates: open to anyone, many markets at once, none of which can hold up the others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from spillway.engines.protocol import TX_GAS_LIMIT
from spillway.errors import Reverted
from tests.unit.contracts.oracle.feed import MARKETS, NO_FRESH_SPOT, TOO_FAR, USD, WEIGHTS

if TYPE_CHECKING:
    from spillway.build import Artifacts
    from spillway.engines import Address, Engine
    from tests.unit.contracts.oracle.feed import Feed


def report_all(feed: Feed, prices: dict[int, int], at: int) -> None:
    """Every venue reports every market in one transaction."""
    reports = [(market, price, price) for market, price in prices.items()]
    posts = [
        feed.oracle.build.post(at, reports, sender=feed.venues[name], gas=TX_GAS_LIMIT)
        for name in WEIGHTS
    ]
    feed.block(posts, at)


def test_anyone_may_update(feed: Feed, outsider: Address) -> None:
    report_all(feed, {0: 100 * USD}, feed.now + 1)

    feed.oracle.transact.update([0], sender=outsider)

    assert feed.mark() == 100 * USD


def test_one_call_of_the_pool_takes_all_markets(feed: Feed) -> None:
    report_all(feed, {0: 100 * USD, 1: 7 * USD, 2: 8 * USD}, feed.now + 1)
    advances = feed.pool.call.advances()

    receipt = feed.oracle.transact.update([0, 1, 2], sender=feed.keeper)

    assert feed.pool.call.advances() == advances + 1
    assert [event.market for event in receipt.named("MarkSet")] == [0, 1, 2]
    assert [feed.mark(market) for market in range(3)] == [100 * USD, 7 * USD, 8 * USD]


def test_a_market_that_is_held_does_not_hold_up_the_others(feed: Feed) -> None:
    report_all(feed, {0: 100 * USD, 1: 7 * USD, 2: 8 * USD}, feed.now + 1)
    feed.oracle.transact.update([0, 1, 2], sender=feed.keeper)
    later = feed.now + 61
    report_all(feed, {0: 101 * USD}, later)
    feed.block([feed.post("okx", 70 * USD, market=1, at=later + 1)], later + 1)

    receipt = feed.oracle.transact.update([0, 1, 2], sender=feed.keeper)

    held = [(event.market, event.reason) for event in receipt.named("MarkHeld")]
    assert held == [(1, TOO_FAR), (2, NO_FRESH_SPOT)]
    assert [feed.mark(market) for market in range(3)] == [101 * USD, 7 * USD, 8 * USD]


def test_an_update_that_sets_nothing_opens_no_epoch(feed: Feed) -> None:
    advances = feed.pool.call.advances()

    feed.oracle.transact.update([0, 1], sender=feed.keeper)
    feed.oracle.transact.update([], sender=feed.keeper)

    assert feed.pool.call.advances() == advances


def test_refuses_a_market_that_the_pool_does_not_know(feed: Feed) -> None:
    report_all(feed, {MARKETS - 1: USD, MARKETS: USD}, feed.now + 1)
    feed.oracle.transact.update([MARKETS - 1], sender=feed.keeper)

    with pytest.raises(Reverted, match="oracle: unknown market"):
        feed.oracle.transact.update([MARKETS], sender=feed.keeper)


@pytest.mark.parametrize("markets", [[0, 0], [1, 0], [0, 1, 2, 1]])
def test_refuses_a_market_twice_or_out_of_order(feed: Feed, markets: list[int]) -> None:
    report_all(feed, {0: USD, 1: USD, 2: USD}, feed.now + 1)
    feed.oracle.transact.update([0, 2], sender=feed.keeper)

    with pytest.raises(Reverted, match="oracle: markets out of order"):
        feed.oracle.transact.update(markets, sender=feed.keeper)


def test_tells_how_the_mark_came_about(feed: Feed) -> None:
    feed.tick(100 * USD, 103 * USD, tops=(101 * USD, 103 * USD, 0))
    receipt = feed.tick(100 * USD, 103 * USD)

    expected = (0, 100 * USD, 102 * USD, 102 * USD, 103 * USD, 102 * USD)
    assert [tuple(event) for event in receipt.named("MarkSet")] == [expected]


def test_the_view_shows_what_the_update_sets(feed: Feed) -> None:
    feed.tick(100 * USD, 103 * USD, tops=(101 * USD, 103 * USD, 0))
    receipt = feed.tick(99 * USD, 104 * USD)

    (event,) = receipt.named("MarkSet")
    found = feed.inputs()
    assert tuple(event)[1:] == (
        found.index,
        found.from_index,
        found.from_book,
        found.from_perps,
        found.mark,
    )


def test_a_page_of_64_markets_fits_into_one_transaction(
    feed: Feed, engine: Engine, artifacts: Artifacts
) -> None:
    pool = engine.deploy(artifacts["RecordingPool"], 162, 100_000, sender=feed.keeper)
    reporters = [(feed.venues[name], *weights) for name, weights in WEIGHTS.items()]
    oracle = engine.deploy(
        artifacts["Oracle"],
        pool.address,
        feed.book.address,
        reporters,
        60,
        7,
        0,
        False,
        sender=feed.keeper,
    )
    tops = [feed.set_tops(USD, USD + 2 * market, market=market) for market in range(162)]
    feed.block(tops, feed.now + 1)
    reports = [(market, USD + market, USD + market) for market in range(162)]
    for name in WEIGHTS:
        oracle.transact.post(feed.now, reports, sender=feed.venues[name])

    for start in range(0, 162, 64):
        markets = list(range(start, min(start + 64, 162)))
        receipt = oracle.transact.update(markets, sender=feed.keeper)
        assert receipt.gas_used < TX_GAS_LIMIT
    marks = [pool.call.market(market).mark for market in range(162)]
    assert marks == [USD + market for market in range(162)]
