"""Reports: who may post, and what a report may say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from spillway.errors import Reverted
from tests.unit.contracts.oracle.feed import MAX_PRICE, USD

if TYPE_CHECKING:
    from spillway.engines import Address
    from tests.unit.contracts.oracle.feed import Feed


def test_stores_every_market_of_one_transaction(feed: Feed) -> None:
    okx = feed.venues["okx"]
    seen = feed.now
    reports = [(0, 100 * USD, 101 * USD), (1, 7 * USD, 0), (200, MAX_PRICE, MAX_PRICE)]

    receipt = feed.oracle.transact.post(seen, reports, sender=okx)

    for market, spot, perp in reports:
        assert feed.oracle.call.report_of(okx, market) == (spot, perp, seen)
    assert [tuple(event) for event in receipt.named("Posted")] == [(okx, seen)]


def test_takes_all_markets_of_a_full_pool_in_one_transaction(feed: Feed) -> None:
    okx = feed.venues["okx"]
    reports = [(market, 1 + market, 1000 + market) for market in range(256)]

    feed.oracle.transact.post(feed.now, reports, sender=okx)

    assert feed.oracle.call.report_of(okx, 255)[:2] == (256, 1255)


def test_an_outsider_has_no_report(feed: Feed, outsider: Address) -> None:
    assert feed.oracle.call.report_of(outsider, 0) == (0, 0, 0)


def test_refuses_an_outsider(feed: Feed, outsider: Address) -> None:
    with pytest.raises(Reverted, match="oracle: not a reporter"):
        feed.oracle.transact.post(feed.now, [(0, USD, USD)], sender=outsider)


def test_takes_a_report_of_this_second_and_refuses_the_future(feed: Feed) -> None:
    okx, now = feed.venues["okx"], feed.now + 10
    feed.oracle.transact.post(now, [(0, USD, USD)], sender=okx, timestamp=now)

    with pytest.raises(Reverted, match="oracle: report from the future"):
        feed.oracle.transact.post(now + 2, [(0, USD, USD)], sender=okx, timestamp=now + 1)


def test_takes_a_correction_of_the_same_second_and_refuses_an_older_one(feed: Feed) -> None:
    okx, seen = feed.venues["okx"], feed.now
    feed.oracle.transact.post(seen, [(0, USD, USD)], sender=okx)
    feed.oracle.transact.post(seen, [(0, 2 * USD, USD)], sender=okx)
    assert feed.oracle.call.report_of(okx, 0) == (2 * USD, USD, seen)

    with pytest.raises(Reverted, match="oracle: report is older"):
        feed.oracle.transact.post(seen - 1, [(0, USD, USD)], sender=okx)


def test_age_is_judged_by_market(feed: Feed) -> None:
    okx, seen = feed.venues["okx"], feed.now
    feed.oracle.transact.post(seen, [(0, USD, USD)], sender=okx)

    feed.oracle.transact.post(seen - 1, [(1, USD, USD)], sender=okx)

    assert feed.oracle.call.report_of(okx, 1) == (USD, USD, seen - 1)


def test_an_older_report_of_one_market_refuses_the_whole_post(feed: Feed) -> None:
    okx, seen = feed.venues["okx"], feed.now
    feed.oracle.transact.post(seen, [(0, USD, USD)], sender=okx)

    with pytest.raises(Reverted, match="oracle: report is older"):
        feed.oracle.transact.post(seen - 1, [(1, USD, USD), (0, USD, USD)], sender=okx)
    assert feed.oracle.call.report_of(okx, 1) == (0, 0, 0)


@pytest.mark.parametrize(("spot", "perp"), [(MAX_PRICE, 0), (0, MAX_PRICE)])
def test_takes_the_highest_price_and_refuses_one_above(feed: Feed, spot: int, perp: int) -> None:
    okx = feed.venues["okx"]
    feed.oracle.transact.post(feed.now, [(0, spot, perp)], sender=okx)
    assert feed.oracle.call.report_of(okx, 0)[:2] == (spot, perp)

    above = (spot + (spot > 0), perp + (perp > 0))
    with pytest.raises(Reverted, match="oracle: price out of range"):
        feed.oracle.transact.post(feed.now, [(0, *above)], sender=okx)


def test_zero_withdraws_a_price(feed: Feed) -> None:
    okx = feed.venues["okx"]
    feed.oracle.transact.post(feed.now, [(0, USD, USD)], sender=okx)
    feed.oracle.transact.post(feed.now, [(0, 0, 0)], sender=okx)

    assert feed.oracle.call.report_of(okx, 0)[:2] == (0, 0)


def test_a_reporter_can_not_touch_another_ones_report(feed: Feed) -> None:
    feed.oracle.transact.post(feed.now, [(0, USD, USD)], sender=feed.venues["okx"])
    feed.oracle.transact.post(feed.now, [(0, 9 * USD, 9 * USD)], sender=feed.venues["mexc"])

    assert feed.oracle.call.report_of(feed.venues["okx"], 0)[:2] == (USD, USD)
