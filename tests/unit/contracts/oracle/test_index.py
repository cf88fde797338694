"""The index: whose price counts, what one bad reporter can do, when a market is held."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.unit.contracts.oracle.feed import (
    FUNDING_BOUND,
    MAX_PRICE,
    MAX_REPORT_AGE,
    NO_FRESH_SPOT,
    TOO_FAR,
    USD,
    WEIGHTS,
)

if TYPE_CHECKING:
    from spillway.engines import Receipt
    from tests.unit.contracts.oracle.feed import Feed

# No two venues agree: the median of 13 weights is the price of the venue that holds the 7th.
SPOTS = {
    "binance": 1005 * USD,
    "okx": 1001 * USD,
    "bybit": 1004 * USD,
    "kraken": 1000 * USD,
    "kucoin": 1002 * USD,
    "gate": 1003 * USD,
    "mexc": 1006 * USD,
}
PERPS = {venue: price + 7 * USD for venue, price in SPOTS.items() if WEIGHTS[venue][1]}


def held(receipt: Receipt) -> list[int]:
    return [event.reason for event in receipt.named("MarkHeld")]


def test_is_the_weighted_median_of_the_spots(feed: Feed) -> None:
    feed.tick(SPOTS)
    # Ascending with weights: kraken 1, okx 2, kucoin 1, gate 1, bybit 2: 7 of 13.
    assert feed.inputs().index == SPOTS["bybit"]


def test_perps_are_their_own_weighted_median(feed: Feed) -> None:
    feed.tick(SPOTS, PERPS)
    # Ascending with weights: okx 2, gate 1, bybit 2: 5 of 9.
    assert feed.inputs().from_perps == PERPS["bybit"]


def test_takes_the_lower_price_at_exactly_half_of_the_fresh_weight(feed: Feed) -> None:
    feed.tick(1000 * USD)
    later = feed.now + MAX_REPORT_AGE + 1
    feed.tick({"okx": 1002 * USD, "bybit": 1001 * USD}, at=later)

    assert feed.inputs().index == 1001 * USD


@pytest.mark.parametrize("bad", [1, MAX_PRICE, 0, None], ids=["1", "max", "0", "silent"])
@pytest.mark.parametrize("venue", list(WEIGHTS))
def test_one_bad_reporter_moves_index_and_mark_no_further_than_honest_ones_disagree(
    feed: Feed, venue: str, bad: int | None
) -> None:
    feed.tick(SPOTS, PERPS)
    honest_spots = {name: price for name, price in SPOTS.items() if name != venue}
    honest_perps = {name: price for name, price in PERPS.items() if name != venue}
    spots, perps = dict(honest_spots), dict(honest_perps)
    if bad is not None:
        spots[venue] = perps[venue] = bad
    when = feed.now + MAX_REPORT_AGE + 1  # nothing of the first block counts any more
    calls = [
        feed.post(name, spots.get(name, 0), perps.get(name, 0), at=when)
        for name in WEIGHTS
        if name != venue or bad is not None
    ]

    feed.block([*calls, feed.update(0)], when)

    found = feed.inputs()
    assert min(honest_spots.values()) <= found.index <= max(honest_spots.values())
    assert min(honest_perps.values()) <= found.from_perps <= max(honest_perps.values())
    assert min(honest_spots.values()) <= feed.mark() <= max(honest_perps.values())


def test_a_report_counts_until_it_is_too_old(feed: Feed) -> None:
    seen = feed.now + 3
    feed.tick(1000 * USD, at=seen)

    assert held(feed.tick(at=seen + MAX_REPORT_AGE)) == []
    assert held(feed.tick(at=seen + MAX_REPORT_AGE + 1)) == [NO_FRESH_SPOT]


def test_a_held_market_keeps_its_prices_and_its_time(feed: Feed) -> None:
    feed.tick(1000 * USD)
    before = feed.pool.call.market(0)

    receipt = feed.tick(at=feed.now + MAX_REPORT_AGE + 1)

    assert held(receipt) == [NO_FRESH_SPOT]
    assert receipt.named("MarkSet") == receipt.named("FundingSampled") == []
    assert feed.pool.call.market(0) == before
    assert feed.inputs() == (0, 0, 0, 0, 0, 0)


def test_perps_alone_are_no_index(feed: Feed) -> None:
    assert held(feed.tick(0, 1000 * USD)) == [NO_FRESH_SPOT]


def test_a_price_without_weight_is_no_input(feed: Feed) -> None:
    feed.tick(1000 * USD, {"kraken": 1001 * USD})

    assert feed.inputs().from_perps == 0


def test_a_venue_that_quotes_no_spot_has_no_vote(feed: Feed) -> None:
    feed.tick(1000 * USD)
    later = feed.now + MAX_REPORT_AGE + 1
    spots = dict.fromkeys(("binance", "okx", "mexc"), 2000 * USD)
    # The others report too, but no spot: 6 of the 7 that are a quorum.
    assert held(feed.tick(spots, 1000 * USD, at=later)) == [TOO_FAR]


@pytest.mark.parametrize(
    ("price", "reasons"),
    [
        (1500 * USD, []),
        (1500 * USD + 1, [TOO_FAR]),
        (500 * USD, []),
        (500 * USD - 1, [TOO_FAR]),
    ],
)
def test_without_a_quorum_half_is_as_far_as_the_index_goes(
    feed: Feed, price: int, reasons: list[int]
) -> None:
    feed.tick(1000 * USD)
    later = feed.now + MAX_REPORT_AGE + 1
    # 3 + 2 + 1 = 6 of the 7 that are a quorum.
    receipt = feed.tick(dict.fromkeys(("binance", "okx", "mexc"), price), at=later)

    assert held(receipt) == reasons
    assert feed.pool.call.market(0).index == (1000 * USD if reasons else price)


@pytest.mark.parametrize("price", [1, 90 * USD, MAX_PRICE])
def test_a_quorum_is_believed_whatever_it_says(feed: Feed, price: int) -> None:
    feed.tick(1000 * USD)
    later = feed.now + MAX_REPORT_AGE + 1

    receipt = feed.tick(dict.fromkeys(("binance", "okx", "bybit"), price), at=later)

    assert held(receipt) == []
    assert feed.pool.call.market(0).index == feed.mark() == price


def test_the_first_index_needs_a_quorum(feed: Feed) -> None:
    assert held(feed.tick({"binance": USD, "okx": USD, "mexc": USD})) == [TOO_FAR]
    assert feed.mark() == 0

    assert held(feed.tick({"gate": USD})) == []
    assert feed.mark() == USD


def test_a_market_whose_funding_index_is_at_its_bound_is_held(feed: Feed, outsider: str) -> None:
    # The premium is capped: 4 % an hour on 100 USD, far less than the room that is left first.
    start = feed.next_hour()
    feed.tick(100 * USD, tops=(109 * USD, 110 * USD, 0), impact=(109 * USD, 110 * USD), at=start)
    accrued = feed.oracle.call.funding_rate(0) * 100 * USD * 15 // (28_800 * 10**18)
    feed.pool.transact.set_funding(0, 2**86 - accrued - 1, sender=outsider)
    token = feed.engine.snapshot()
    assert held(feed.tick(100 * USD, at=start + 15)) == []

    feed.engine.revert(token)
    feed.pool.transact.set_funding(0, 2**86 - accrued, sender=outsider)
    assert held(feed.tick(100 * USD, at=start + 15)) == [FUNDING_BOUND]
