"""What someone who owns the top of the book, and calls updates at will, can do to the prices."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.contracts.oracle.feed import BAND, HOUR, MAX_PRICE, USD

if TYPE_CHECKING:
    from tests.unit.contracts.oracle.feed import Feed

SANE = (99 * USD, 101 * USD, 100 * USD)
any_price = st.one_of(st.integers(0, MAX_PRICE), st.integers(80 * USD, 120 * USD))


@settings(max_examples=25, deadline=None)
@given(bid=any_price, ask=any_price, last=any_price)
def test_whatever_the_book_shows_the_mark_stays_between_the_other_two_inputs(
    feed: Feed, bid: int, ask: int, last: int
) -> None:
    token = feed.engine.snapshot()
    feed.tick(100 * USD, 102 * USD, tops=SANE)
    feed.tick(100 * USD, 102 * USD)
    feed.block([feed.set_tops(bid, ask, last)], feed.now + 1)

    found = feed.inputs()  # as an update in the same block would find them

    low, high = sorted((found.from_index, found.from_perps))
    assert low == 100 * USD
    assert low <= found.mark <= high
    feed.engine.revert(token)


@pytest.mark.parametrize("side", ["bid", "ask"])
@pytest.mark.parametrize("off", [0, 1], ids=["at the edge", "beyond it"])
def test_a_quote_nobody_may_trade_against_does_not_count(feed: Feed, side: str, off: int) -> None:
    feed.tick(100 * USD)
    edge = 100 * USD * BAND // 10**6
    bid = 100 * USD - edge - off if side == "bid" else 100 * USD
    ask = 100 * USD + edge + off if side == "ask" else 100 * USD

    feed.tick(100 * USD, tops=(bid, ask, 0))

    found = feed.inputs()
    assert (found.from_book != 0) == (found.from_index != 0) == (off == 0)


def test_the_band_is_around_the_mark_not_the_index(feed: Feed) -> None:
    feed.tick(100 * USD, 120 * USD)
    assert feed.mark() == 120 * USD

    feed.tick(100 * USD, 120 * USD, tops=(115 * USD, 125 * USD, 0))

    assert feed.inputs().from_book == 120 * USD


def test_the_updates_of_one_block_all_look_around_the_mark_of_the_last(feed: Feed) -> None:
    feed.tick(100 * USD)
    when = feed.now + 3
    reports = [feed.post(name, 100 * USD, at=when) for name in feed.venues]
    climb = []
    for price in (109 * USD, 118 * USD):
        climb += [feed.set_tops(price, price, price), feed.update(0)]

    receipts = feed.block([*reports, *climb], when)

    # The second step is within the band around the first, but not around the last block's mark.
    books = [event.from_book for receipt in receipts for event in receipt.named("MarkSet")]
    assert books == [109 * USD, 0]


def test_a_quote_above_the_highest_price_does_not_count(feed: Feed) -> None:
    feed.tick(MAX_PRICE)
    feed.tick(MAX_PRICE, tops=(MAX_PRICE, MAX_PRICE, 0))
    assert feed.inputs().from_book == MAX_PRICE

    feed.tick(MAX_PRICE, tops=(MAX_PRICE, MAX_PRICE + 1, 0))
    assert feed.inputs().from_book == 0


def test_many_updates_in_one_block_sample_once(feed: Feed) -> None:
    start = feed.next_hour()
    feed.tick(100 * USD, tops=SANE, impact=(100 * USD, 100 * USD), at=start)
    feed.tick(100 * USD, at=start + 3)
    token = feed.engine.snapshot()
    feed.tick(100 * USD, at=start + 6)
    alone = (feed.inputs(), feed.oracle.call.funding_rate(0), feed.pool.call.market(0))

    feed.engine.revert(token)
    reports = [feed.post(name, 100 * USD, at=start + 6) for name in feed.venues]
    attack = [
        feed.set_tops(109 * USD, 110 * USD, 110 * USD),
        feed.set_impact(109 * USD, 110 * USD),
        *[feed.update(0)] * 20,
    ]
    back = [feed.set_tops(*SANE), feed.update(0)]
    receipts = feed.block([*reports, feed.update(0), *attack, *back], start + 6)

    assert (feed.inputs(), feed.oracle.call.funding_rate(0), feed.pool.call.market(0)) == alone
    assert sum(len(receipt.named("FundingSampled")) for receipt in receipts) == 1
    assert len([r for r in receipts if r.named("MarkSet")]) == 22


def test_a_second_update_in_a_block_sets_the_prices_again(feed: Feed) -> None:
    feed.tick(100 * USD)
    when = feed.now + 3
    first = [feed.post(name, 90 * USD, at=when) for name in feed.venues]
    second = [feed.post(name, 80 * USD, at=when) for name in feed.venues]

    feed.block([*first, feed.update(0), *second, feed.update(0)], when)

    found = feed.pool.call.market(0)
    assert (found.index, found.mark, found.previous_mark) == (80 * USD, 80 * USD, 100 * USD)


def test_updates_more_often_give_a_quote_no_more_weight(feed: Feed) -> None:
    feed.tick(100 * USD, tops=SANE)
    for _ in range(10):
        feed.tick(100 * USD, at=feed.now + 60)
    token, start = feed.engine.snapshot(), feed.now
    high = (104 * USD, 106 * USD, 0)
    feed.tick(100 * USD, tops=high, at=start + 15)
    once = feed.inputs().from_index

    feed.engine.revert(token)
    for seconds in range(1, 16):
        feed.tick(100 * USD, tops=high, at=start + seconds)
    often = feed.inputs().from_index

    assert 100 * USD < often < once


def test_an_hour_of_silence_gives_the_next_quote_the_weight_of_a_minute(feed: Feed) -> None:
    feed.tick(100 * USD, tops=SANE)
    feed.tick(100 * USD, at=feed.now + 60)
    token, start = feed.engine.snapshot(), feed.now
    found = []
    for silence in (60, HOUR):
        feed.tick(100 * USD, tops=(104 * USD, 106 * USD, 0), at=start + silence)
        found.append(feed.inputs())
        feed.engine.revert(token)
        token = feed.engine.snapshot()

    assert found[0] == found[1]


@pytest.mark.parametrize(
    ("tops", "impact", "premium"),
    [
        ((101, 103), (101, 103), 10**16),
        ((101, 103), (102, 103), 10**16),  # an impact price better than its top counts as the top
        ((97, 99), (97, 98), -(10**16)),
        ((111, 112), (111, 112), 0),  # nobody may trade against these
        ((88, 89), (88, 89), 0),
        ((101, 0), (101, 0), 10**16),  # one side is enough
        ((0, 99), (0, 99), -(10**16)),
        ((0, 0), (101, 98), 0),
        ((99, 0), (99, 98), 0),  # what is not at the top counts no more than the top
        ((0, 101), (102, 101), 0),
    ],
)
def test_premium_counts_impact_prices_within_the_tops_that_count(
    feed: Feed, tops: tuple[int, int], impact: tuple[int, int], premium: int
) -> None:
    receipt = feed.tick(
        100 * USD,
        tops=(tops[0] * USD, tops[1] * USD, 0),
        impact=(impact[0] * USD, impact[1] * USD),
    )

    assert [event.premium for event in receipt.named("FundingSampled")] == [premium]
