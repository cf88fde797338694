"""The mark: which inputs exist, and what is made of none, one, two and three of them."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

import pytest

from spillway.model import oracle as model
from tests.unit.contracts.oracle.feed import MAX_PRICE, MAX_REPORT_AGE, USD

if TYPE_CHECKING:
    from tests.unit.contracts.oracle.feed import Feed

NO_BOOK = (0, 0, 0)


def test_with_no_input_the_mark_is_the_index(feed: Feed) -> None:
    feed.tick(100 * USD)

    assert tuple(feed.inputs()) == (100 * USD, 0, 0, 0, 0, 100 * USD)
    assert feed.mark() == 100 * USD


def test_perps_alone_are_the_mark(feed: Feed) -> None:
    feed.tick(100 * USD, 103 * USD)

    assert tuple(feed.inputs()) == (100 * USD, 0, 0, 103 * USD, 0, 103 * USD)


def test_the_book_alone_is_the_mark(feed: Feed) -> None:
    feed.tick(100 * USD, tops=(101 * USD, 105 * USD, 102 * USD))

    assert tuple(feed.inputs()) == (100 * USD, 0, 102 * USD, 0, 0, 102 * USD)


def test_the_average_above_the_index_alone_is_the_mark(feed: Feed) -> None:
    feed.tick(100 * USD, tops=(101 * USD, 103 * USD, 0))
    feed.tick(100 * USD)
    feed.tick(90 * USD, tops=NO_BOOK)

    # The mid stood 2 above the index at the one sample.
    assert tuple(feed.inputs()) == (90 * USD, 92 * USD, 0, 0, 102 * USD, 92 * USD)


def test_two_inputs_are_joined_by_the_average_of_the_book(feed: Feed) -> None:
    feed.tick(100 * USD, tops=(101 * USD, 105 * USD, 102 * USD))
    feed.tick(100 * USD)
    # Index + 3 = 83, perps at 95, the book's average still at 102: its middle is the perps.
    feed.tick(80 * USD, 95 * USD, tops=NO_BOOK)

    assert tuple(feed.inputs()) == (80 * USD, 83 * USD, 0, 95 * USD, 102 * USD, 95 * USD)


def test_two_inputs_before_the_first_average_are_joined_by_the_index(feed: Feed) -> None:
    feed.tick(100 * USD, 108 * USD, tops=(103 * USD, 105 * USD, 104 * USD))

    found = feed.inputs()
    assert (found.from_index, found.book_average) == (0, 0)
    assert found.mark == median([104 * USD, 108 * USD, 100 * USD])


@pytest.mark.parametrize("perp", [99 * USD, 102 * USD, 120 * USD])
def test_three_inputs_make_their_median(feed: Feed, perp: int) -> None:
    feed.tick(100 * USD, tops=(101 * USD, 103 * USD, 0))
    feed.tick(100 * USD, perp, tops=(103 * USD, 105 * USD, 0))

    found = feed.inputs()
    # One sample of the average so far: mid 104, 4 above the index.
    assert (found.from_index, found.from_book, found.from_perps) == (104 * USD, 104 * USD, perp)
    assert found.mark == feed.mark() == 104 * USD


@pytest.mark.parametrize(
    ("last", "price"), [(0, 102), (90, 101), (101, 101), (102, 102), (103, 103), (999, 103)]
)
def test_the_book_price_is_the_median_of_bid_ask_and_last(
    feed: Feed, last: int, price: int
) -> None:
    feed.tick(100 * USD, tops=(101 * USD, 103 * USD, last * USD))

    assert feed.inputs().from_book == price * USD


@pytest.mark.parametrize("tops", [(101, 0, 102), (0, 103, 102), (0, 0, 102)])
def test_the_book_needs_a_bid_and_an_ask(feed: Feed, tops: tuple[int, int, int]) -> None:
    bid, ask, last = (price * USD for price in tops)
    feed.tick(100 * USD, tops=(bid, ask, last))
    feed.tick(100 * USD)

    found = feed.inputs()
    assert (found.from_book, found.from_index, found.book_average) == (0, 0, 0)


def test_averages_follow_the_formula_over_a_run(feed: Feed) -> None:
    basis, price = model.Average(), model.Average()
    feed.tick(100 * USD, tops=(101 * USD, 103 * USD, 0))
    for elapsed, index, mid in ((3, 100, 102), (15, 98, 101), (1, 97, 96), (40, 95, 97)):
        tops = ((mid - 1) * USD, (mid + 1) * USD, 0)
        feed.tick(index * USD, at=feed.now + elapsed, tops=tops)
        basis = model.mixed(basis, (mid - index) * USD, elapsed, model.SLOW_DECAY)
        price = model.mixed(price, mid * USD, elapsed, model.FAST_DECAY)

    found = feed.inputs()
    assert found.from_index == 95 * USD + basis.value
    assert found.book_average == price.value


def test_a_basis_that_leaves_no_price_is_missing(feed: Feed) -> None:
    feed.tick(100 * USD, tops=(91 * USD, 91 * USD, 0))
    feed.tick(100 * USD)
    # A quorum says that the asset is worth next to nothing: 5 - 9 is no price.
    feed.tick(5 * USD, tops=NO_BOOK)

    found = feed.inputs()
    assert found.from_index == 0
    assert found.mark == 5 * USD


def test_a_basis_above_the_highest_price_is_missing(feed: Feed) -> None:
    feed.tick(100 * USD, tops=(109 * USD, 109 * USD, 0))
    feed.tick(100 * USD)
    feed.tick(MAX_PRICE, tops=NO_BOOK)

    assert feed.inputs().from_index == 0
    assert feed.mark() == MAX_PRICE


@pytest.mark.parametrize(("perp", "counts"), [(150 * USD, True), (150 * USD + 1, False)])
def test_perps_more_than_half_off_the_index_need_a_quorum(
    feed: Feed, perp: int, counts: bool
) -> None:
    feed.tick(100 * USD, {"binance": perp, "okx": perp, "gate": perp})

    assert feed.inputs().from_perps == (perp if counts else 0)


def test_a_quorum_of_perps_is_believed_whatever_it_says(feed: Feed) -> None:
    feed.tick(100 * USD, dict.fromkeys(("binance", "okx", "bybit"), 300 * USD))

    assert feed.inputs().from_perps == feed.mark() == 300 * USD


def test_old_perps_do_not_count(feed: Feed) -> None:
    feed.tick(100 * USD, 103 * USD)
    feed.tick(100 * USD, at=feed.now + MAX_REPORT_AGE + 1)

    assert feed.inputs().from_perps == 0
