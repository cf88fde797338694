"""What a keeper tells the chain about a ranking: where to cut it, and its order.

The contract finds and scores every holder itself; a plan only saves it the sorting, and it checks
what it is told (see contracts/interfaces/IAdl.vyi).
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spillway.engines import Contract

PAGE = 32  # keys that one read gives, of holders or of a queue
MOST_RANKS = 64  # of a plan


class Plan(NamedTuple):
    """One market's ranking, as `IAdl.Plan`.

    `longs` is the winners' side, `threshold` the least key that is enrolled, `order` the places of
    the enrolled in the queue (counted in the order of the holder list), best key first.
    """

    market: int
    longs: bool
    threshold: int
    order: tuple[int, ...]


def read_keys(lens: Contract, market: int, longs: bool, holders: int) -> list[tuple[int, int]]:
    """(key, lots) of each holder of a side, in the order of the holder list.

    They are at the prices of the side's job, or at the present ones where there is none.
    """
    found: list[tuple[int, int]] = []
    for start in range(0, holders, PAGE):
        keys, lots = lens.call.keys(market, longs, start, PAGE)
        found += zip(keys, lots, strict=True)
    return found


def read_queue(
    adl: Contract, market: int, longs: bool, enrolled: int, ordered: int
) -> tuple[list[int], list[int]]:
    """The keys of those enrolled, by place in the queue, and the places told so far, by rank."""
    keys = [adl.call.entry(market, longs, place) for place in range(enrolled)]
    return keys, [adl.call.told(market, longs, rank) for rank in range(ordered)]


def plan(
    market: int,
    longs: bool,
    ranked: Sequence[tuple[int, int]],
    lots: int,
    *,
    most: int | None = MOST_RANKS,
) -> Plan:
    """Cut a ranking where it covers `lots`, or where a plan is full.

    Args:
        market: Where.
        longs: The winners' side.
        ranked: (key, lots) of each holder of the side, as `read_keys` gives it.
        lots: That are to be closed against them.
        most: Winners in a full plan; None where it is told page by page, to any length: all are
            enrolled then where they do not cover `lots`.
    """
    threshold, covered = 0, 0
    for key, size in islice(sorted(ranked, reverse=True), most):
        threshold, covered = key, covered + size
        if covered >= lots:
            break
    else:
        if most is None:
            threshold = 0
    enrolled = [key for key, _ in ranked if key >= threshold]
    order = sorted(range(len(enrolled)), key=enrolled.__getitem__, reverse=True)
    return Plan(market, longs, threshold, tuple(order))
