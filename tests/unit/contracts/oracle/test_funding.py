"""Funding on the chain: what an update accrues, and with which index, rate and time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.unit.contracts.oracle.feed import HOUR, MAJOR, MAJOR_IMPACT, MINOR_IMPACT, USD

if TYPE_CHECKING:
    from tests.unit.contracts.oracle.feed import Feed

BASIS_POINT = 10**14
RATE = 95 * BASIS_POINT  # of a premium of 1 %
PERIOD = 8 * HOUR
# A book whose premium is 1 % over an index of 100.
TOPS, IMPACT = (101 * USD, 103 * USD, 0), (101 * USD, 103 * USD)


def due(rate: int, index: int, seconds: int) -> int:
    """trunc(rate * index * seconds / 8 h)."""
    size = abs(rate) * index * seconds // (PERIOD * 10**18)
    return size if rate > 0 else -size


def funding(feed: Feed, market: int = 0) -> int:
    return int(feed.pool.call.market(market).funding)


def test_a_premium_of_one_percent_gives_a_rate_of_95_basis_points(feed: Feed) -> None:
    receipt = feed.tick(100 * USD, tops=TOPS, impact=IMPACT)

    assert feed.oracle.call.funding_rate(0) == RATE
    assert [tuple(event) for event in receipt.named("FundingSampled")] == [(0, 10**16, RATE)]


def test_an_update_accrues_with_the_index_and_the_rate_that_stood(feed: Feed) -> None:
    start = feed.next_hour()
    feed.tick(100 * USD, tops=TOPS, impact=IMPACT, at=start)
    assert funding(feed) == 0

    # The new index and the new premium come too late for these 15 s.
    feed.tick(80 * USD, impact=(100 * USD, 110 * USD), at=start + 15)

    assert funding(feed) == due(RATE, 100 * USD, 15)


def test_longs_are_paid_where_the_book_is_below_the_index(feed: Feed) -> None:
    start = feed.next_hour()
    feed.tick(100 * USD, tops=(97 * USD, 99 * USD, 0), impact=(97 * USD, 99 * USD), at=start)
    feed.tick(100 * USD, at=start + 15)

    assert funding(feed) == due(-RATE, 100 * USD, 15)


def test_the_rate_is_the_average_of_the_hour_so_far(feed: Feed) -> None:
    start = feed.next_hour()
    feed.tick(100 * USD, tops=TOPS, impact=IMPACT, at=start)
    feed.tick(
        100 * USD, tops=(102 * USD, 103 * USD, 0), impact=(102 * USD, 103 * USD), at=start + 1
    )
    # (1 % + 2 %) / 2 - 0.05 %
    assert feed.oracle.call.funding_rate(0) == 145 * BASIS_POINT
    feed.tick(100 * USD, at=start + 31)

    assert funding(feed) == due(RATE, 100 * USD, 1) + due(145 * BASIS_POINT, 100 * USD, 30)


def test_nothing_accrues_from_the_end_of_an_hour_to_its_first_sample(feed: Feed) -> None:
    end = feed.next_hour() + HOUR
    feed.tick(100 * USD, tops=TOPS, impact=IMPACT, at=end - 10)
    feed.tick(100 * USD, at=end + 20)

    assert funding(feed) == due(RATE, 100 * USD, 10)


def test_hours_without_a_sample_accrue_nothing(feed: Feed) -> None:
    end = feed.next_hour() + HOUR
    feed.tick(100 * USD, tops=TOPS, impact=IMPACT, at=end - 10)
    feed.tick(100 * USD, at=end + 5 * HOUR + 20)

    assert funding(feed) == due(RATE, 100 * USD, 10)


def test_an_outage_within_the_hour_accrues_once_it_is_over(feed: Feed) -> None:
    start = feed.next_hour()
    feed.tick(100 * USD, tops=TOPS, impact=IMPACT, at=start)
    feed.tick(at=start + 600)  # held: no fresh report
    assert funding(feed) == 0

    feed.tick(100 * USD, at=start + 900)

    assert funding(feed) == due(RATE, 100 * USD, 900)


def test_the_first_update_accrues_nothing(feed: Feed) -> None:
    feed.tick(100 * USD, tops=TOPS, impact=IMPACT)

    assert funding(feed) == 0


def test_a_second_update_in_the_block_accrues_nothing(feed: Feed) -> None:
    start = feed.next_hour()
    feed.tick(100 * USD, tops=TOPS, impact=IMPACT, at=start)
    reports = [feed.post(name, 100 * USD, at=start + 15) for name in feed.venues]
    feed.block([*reports, feed.update(0), feed.update(0), feed.update(0)], start + 15)

    assert funding(feed) == due(RATE, 100 * USD, 15)


def test_the_rate_stays_within_four_percent_an_hour(feed: Feed) -> None:
    start = feed.next_hour()
    # The mark stands at 150 with the perps, so the book may quote 50 % above the index.
    feed.tick(100 * USD, 150 * USD, at=start)
    feed.tick(100 * USD, 150 * USD, tops=(150 * USD,) * 3, impact=(150 * USD,) * 2, at=start + 1)
    # Two samples of 0 and 50 %: 25 % - 0.05 %; with a third of 50 %: 33.28 %, capped.
    assert feed.oracle.call.funding_rate(0) == 2495 * BASIS_POINT
    feed.tick(100 * USD, 150 * USD, at=start + 2)
    assert feed.oracle.call.funding_rate(0) == 3200 * BASIS_POINT
    before = funding(feed)
    feed.tick(100 * USD, 150 * USD, at=start + 32)

    assert funding(feed) - before == 100 * USD * 4 * 30 // 100 // HOUR


def test_majors_are_sampled_at_the_larger_notional(feed: Feed) -> None:
    rates = []
    for market in (0, MAJOR):
        feed.block(
            [
                feed.set_tops(*TOPS, market=market),
                feed.set_impact(*IMPACT, notional=MINOR_IMPACT, market=market),
                feed.set_impact(100 * USD, 103 * USD, notional=MAJOR_IMPACT, market=market),
            ],
            feed.now + 1,
        )
        feed.tick(100 * USD, market=market)
        rates.append(feed.oracle.call.funding_rate(market))

    assert rates == [RATE, BASIS_POINT]


def test_hourly_funding_waits_for_the_hour_and_takes_it_whole(hourly_feed: Feed) -> None:
    feed = hourly_feed
    end = feed.next_hour() + HOUR
    feed.tick(100 * USD, tops=TOPS, impact=IMPACT, at=end - 60)
    feed.tick(100 * USD, at=end - 1)
    assert funding(feed) == 0

    feed.tick(100 * USD, at=end + 7)
    assert funding(feed) == due(RATE, 100 * USD, HOUR)

    feed.tick(100 * USD, at=end + 20)
    assert funding(feed) == due(RATE, 100 * USD, HOUR)


def test_hourly_funding_uses_the_final_average_of_the_hour(hourly_feed: Feed) -> None:
    feed = hourly_feed
    end = feed.next_hour() + HOUR
    feed.tick(100 * USD, tops=TOPS, impact=IMPACT, at=end - 60)
    feed.tick(100 * USD, tops=(102 * USD, 103 * USD, 0), impact=(102 * USD, 103 * USD), at=end - 30)
    feed.tick(100 * USD, tops=(100 * USD, 101 * USD, 0), impact=(100 * USD, 101 * USD), at=end)

    assert funding(feed) == due(145 * BASIS_POINT, 100 * USD, HOUR)


def test_both_ways_of_accruing_agree_on_an_hour_of_one_premium(
    feed: Feed, hourly_feed: Feed
) -> None:
    start = feed.next_hour()
    updates = range(0, HOUR + 1, 120)
    for seconds in updates:
        feed.tick(100 * USD, tops=TOPS, impact=IMPACT, at=start + seconds)
    start = feed.next_hour()
    for seconds in (0, 120, HOUR):
        hourly_feed.tick(100 * USD, tops=TOPS, impact=IMPACT, at=start + seconds)

    # Each accrual drops less than one unit.
    assert 0 <= funding(hourly_feed) - funding(feed) < len(updates)
    assert funding(hourly_feed) == due(RATE, 100 * USD, HOUR)
