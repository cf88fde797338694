"""How positions are opened: orders that meet only so many others, and none that is too small."""

from __future__ import annotations

from collections import deque

from spillway.opening import MOST_MET, asked_for

LEAST = 10


def test_an_order_takes_from_those_in_front() -> None:
    resting = deque([30, 20, 50])
    assert asked_for(40, resting, LEAST) == (40, 40)
    assert list(resting) == [10, 50]


def test_an_order_may_ask_for_more_than_it_meets() -> None:
    resting = deque([LEAST] * (MOST_MET + 1))
    lots = LEAST * (MOST_MET + 1)
    assert asked_for(lots, resting, LEAST) == (lots, lots - LEAST)
    assert list(resting) == [LEAST]


def test_what_is_left_is_never_too_small_for_an_order() -> None:
    resting = deque([LEAST] * (MOST_MET + 1))
    reach = LEAST * MOST_MET
    # One lot would be left: rather as many as an order needs.
    rest = reach + 1 - LEAST
    assert asked_for(reach + 1, resting, LEAST) == (rest, rest)
    assert list(resting) == [LEAST - 1, LEAST]
    assert asked_for(LEAST, resting, LEAST) == (LEAST, LEAST)
    assert list(resting) == [LEAST - 1]
