"""Entries of a replay: prices off any tick, groups that share a mark, pages of bids."""

from __future__ import annotations

from decimal import Decimal
from random import Random

import pytest

from spillway.entrants import LEAST_NOTIONAL
from spillway.real_entries import QUOTES, Entry, grouped, paged, two_prices
from spillway.ticks import is_legal
from spillway.venue import Member


def entry(account: int, low: str, marks: tuple[int, int] = (1, 2), high_lots: int = 5) -> Entry:
    price = Decimal(low)
    return Entry(
        member=Member("", "", "", account),
        market=0,
        low=price,
        lots_low=10,
        high=price + 1,
        lots_high=high_lots,
        marks=(Decimal(marks[0]), Decimal(marks[1])),
    )


@pytest.mark.parametrize("size_decimals", [5, 2, 0])
def test_two_prices_cost_what_is_asked_or_a_little_less(size_decimals: int) -> None:
    rng = Random(1)  # noqa: S311 (nothing is secret here)
    for _ in range(500):
        price = Decimal(rng.randrange(10**7, 10**10)).scaleb(-4 - size_decimals // 2)
        lots = int(Decimal(rng.randrange(100, 10**6)).scaleb(size_decimals) / price) + 1
        usd = Decimal(lots).scaleb(-size_decimals) * price
        steps = two_prices(lots, usd, size_decimals)
        assert sum(n for _, n in steps) == lots
        assert all(is_legal(each, size_decimals) for each, _ in steps)
        cost = sum(each * Decimal(n).scaleb(-size_decimals) for each, n in steps)
        tick = max(each for each, _ in steps) * Decimal("1.2e-4")
        most = max(Decimal(1).scaleb(-size_decimals), 2 * LEAST_NOTIONAL / price) * tick
        assert 0 <= usd - cost <= most
        if len(steps) > 1:
            least = min(each * Decimal(n).scaleb(-size_decimals) for each, n in steps)
            assert least >= LEAST_NOTIONAL


def test_entries_share_as_few_marks_as_there_can_be() -> None:
    entries = [entry(1, "10", (5, 9)), entry(2, "11", (8, 12)), entry(3, "9", (1, 4))]
    groups = [(mark, [e.member.account for e in group]) for mark, group in grouped(entries)]
    assert groups == [(Decimal(8), [2, 1]), (Decimal(1), [3])]


def test_no_bid_of_a_page_is_better_than_that_of_an_entry_before() -> None:
    # The second pair of ticks is the first's own: side by side they would be mixed up.
    prices = ["120", "120", "119", "100"]
    pages = list(paged([entry(n, price) for n, price in enumerate(prices)]))
    assert [[int(e.low) for e in page] for page in pages] == [[120], [120, 119, 100]]


def test_a_page_has_no_more_bids_than_may_stand() -> None:
    pages = list(paged([entry(n, str(1000 - 2 * n)) for n in range(40)]))
    assert [len(page) for page in pages] == [QUOTES // 2, QUOTES // 2, 8]
    alone = list(paged([entry(n, str(1000 - 2 * n), high_lots=0) for n in range(40)]))
    assert [len(page) for page in alone] == [QUOTES, 8]
