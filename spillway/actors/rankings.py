"""One side's job as a keeper finds it, and as it will stand once it is ready.

Anyone may take any step of a job, so the keeper goes on with what others have begun: what is
enrolled it reads from the queue, what the scan will still find from the keys of the holders.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import takewhile
from typing import TYPE_CHECKING, NamedTuple

from spillway import ranking
from spillway.model.adl import Place
from spillway.model.keys import TIER_1, account_of
from spillway.ranking import MOST_RANKS, Plan

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from spillway.engines import Contract

    Holder = tuple[int, int]  # key, lots

# Phases of a job.
ABSENT, SCANNING, ORDERING, READY = range(4)
LIFETIME = 20  # blocks after which anyone may end it

# What a step may use at most, gas, cold; a transaction has 2**24.
GAS_CALL = 14_000_000
GAS_HOLDER = 6_000  # to weigh one, and so much for each of its markets
GAS_HOLDER_LEG = 5_000
GAS_ENROLLED = 30_000  # a place in the queue

MOST_PLACES = 2_048  # that one call of `scan` weighs
PLACE_BITS = 24  # of a key, from the low end: the place in the holder list


class Page(NamedTuple):
    """Places of a holder list that one transaction scans, and the gas that it may use."""

    places: int
    gas: int


@dataclass(slots=True)
class Ranking:
    """A job.

    Attributes:
        market: Where.
        longs: The winners' side.
        loser: For whom it was opened.
        length: Places of the holder list.
        threshold: Least key that is enrolled.
        phase: ABSENT for one that is still to be opened.
        mark: Quote per lot, at which it closes.
        funding: Index F of its opening, quote per lot.
        opened_in: Block.
        serving: Whose closing is under way, 0 = nobody's.
        cursor: Next place to scan.
        lots: Enrolled and not yet closed.
        next: Rank of the front of the queue.
        keys: Of the enrolled, by place in the queue.
        told: Places in the queue, by rank.
    """

    market: int
    longs: bool
    loser: int
    length: int
    threshold: int = 0
    phase: int = ABSENT
    mark: int = 0
    funding: int = 0
    opened_in: int = 0
    serving: int = 0
    cursor: int = 0
    lots: int = 0
    next: int = 0
    keys: list[int] = field(default_factory=list)
    told: list[int] = field(default_factory=list)

    @property
    def scans(self) -> bool:
        """Whether holders are still to be weighed."""
        return self.phase in {ABSENT, SCANNING}

    @property
    def plan(self) -> Plan:
        """What `deleverage` is told of one that is still to be opened."""
        return Plan(self.market, self.longs, self.threshold, tuple(self.told))

    @property
    def queue(self) -> list[Place]:
        """Those told and not yet used up, the front first."""
        keys = (self.keys[place] for place in self.told[self.next :])
        return [Place(account_of(key), 1 if key >= TIER_1 else 2) for key in keys]

    def scan(self, holders: Sequence[Holder], least: int, worst: int) -> list[Page]:
        """Weigh all that are left; gives the calls that it takes.

        Args:
            holders: All of the side, by place.
            least: Lots of `loser`: fewer, and the contract starts again with everybody.
            worst: Gas to weigh a holder.
        """
        rest = [holder for holder in holders if _place(holder) >= self.cursor]
        pages = pages_of(self.threshold, rest, worst, self.cursor, self.length)
        found = [(key, lots) for key, lots in rest if key >= self.threshold]
        lots = self.lots + sum(lots for _, lots in found)
        if self.threshold and lots < least:
            self.threshold, self.cursor, self.lots, self.keys = 0, 0, 0, []
            return pages + self.scan(holders, least, worst)
        self.keys += [key for key, _ in found]
        self.lots, self.cursor, self.phase = lots, self.length, ORDERING
        return pages

    def order(self) -> Iterator[tuple[int, Sequence[int]]]:
        """Tell the order from the first rank on that is not told, or told wrong.

        Yields:
            The rank to start from, and places in the queue.
        """
        places = range(self.next, len(self.keys))
        right = self.told[: self.next]
        right += sorted(places, key=self.keys.__getitem__, reverse=True)
        pairs = zip(self.told, right, strict=False)
        known = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
        self.told, self.phase = right, READY
        for start in range(known, len(right), MOST_RANKS):
            yield start, right[start : start + MOST_RANKS]


def read(adl: Contract, market: int, longs: bool) -> Ranking | None:
    """The job of a side, if there is one."""
    job = adl.call.job(market, longs)
    if job.phase == ABSENT:
        return None
    keys, told = ranking.read_queue(adl, market, longs, job.enrolled, job.ordered)
    return Ranking(
        market=market,
        longs=longs,
        loser=job.loser,
        length=job.length,
        threshold=job.threshold,
        phase=job.phase,
        mark=job.mark,
        funding=job.funding,
        opened_in=job.opened_in,
        serving=job.serving,
        cursor=job.cursor,
        lots=job.lots,
        next=job.next,
        keys=keys,
        told=told,
    )


def pages_of(
    threshold: int, holders: Sequence[Holder], worst: int, start: int, end: int
) -> list[Page]:
    """Cut places `start` .. `end` of a holder list into what one transaction can weigh.

    Args:
        threshold: Least key that is enrolled.
        holders: (key, lots) of each holder there, by its place; other places are holes.
        worst: Gas to weigh a holder.
        start: First place.
        end: One past the last.
    """
    pages: list[Page] = []
    gas = 0
    costs = [
        (_place(holder), worst + (GAS_ENROLLED if holder[0] >= threshold else 0))
        for holder in holders
    ]
    for place, cost in [*costs, (end, 0)]:
        while place - start > MOST_PLACES or (gas and gas + cost > GAS_CALL):
            places = min(place - start, MOST_PLACES)
            pages.append(Page(places, gas))
            start, gas = start + places, 0
        gas += cost
    return [*pages, Page(end - start, gas)] if end > start else pages


def _place(holder: Holder) -> int:
    return holder[0] % (1 << PLACE_BITS)
