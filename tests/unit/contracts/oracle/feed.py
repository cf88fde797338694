"""The oracle under test with a pool that only keeps prices and a book whose quotes are chosen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from spillway.build import Artifacts
    from spillway.engines import Address, Call, Contract, Engine, Receipt

USD = 10**18  # quote of one USD; a lot is one asset here, so prices are USD * whole numbers
MAX_PRICE = 2**80 - 1
BAND = 100_000  # ppm
HOUR = 3600
MARKETS = 4
MAJOR = 3  # the market whose impact notional is the large one
MAJOR_IMPACT, MINOR_IMPACT = 20_000 * USD, 6_000 * USD
MAX_REPORT_AGE = 60
QUORUM = 7
NO_FRESH_SPOT, TOO_FAR, FUNDING_BOUND = 1, 2, 3

# Weights of spot and perpetual prices.
WEIGHTS = {
    "binance": (3, 3),
    "okx": (2, 2),
    "bybit": (2, 2),
    "kraken": (1, 0),
    "kucoin": (1, 0),
    "gate": (1, 1),
    "mexc": (1, 1),
}

# The same price of every venue, or each venue's own; a venue that is not named does not post.
Prices = int | Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Feed:
    """An oracle and what stands around it."""

    engine: Engine
    oracle: Contract
    pool: Contract
    book: Contract
    venues: Mapping[str, Address]
    keeper: Address

    @property
    def now(self) -> int:
        """Time of the last block."""
        return self.engine.head.timestamp

    def post(self, venue: str, spot: int, perp: int = 0, *, at: int, market: int = 0) -> Call:
        """A venue's report of one market."""
        reports = [(market, spot, perp)]
        call: Call = self.oracle.build.post(at, reports, sender=self.venues[venue])
        return call

    def update(self, *markets: int) -> Call:
        """An update of `markets`."""
        call: Call = self.oracle.build.update(list(markets), sender=self.keeper)
        return call

    def set_tops(self, bid: int, ask: int, last: int = 0, *, market: int = 0) -> Call:
        """The tops that the book shows from now on."""
        call: Call = self.book.build.set_tops(market, bid, ask, last, sender=self.keeper)
        return call

    def set_impact(
        self, bid: int, ask: int, *, notional: int = MINOR_IMPACT, market: int = 0
    ) -> Call:
        """The impact prices that the book shows from now on."""
        build = self.book.build.set_impact
        call: Call = build(market, notional, bid, ask, sender=self.keeper)
        return call

    def block(self, calls: Sequence[Call], at: int) -> list[Receipt]:
        """Mine calls that must all succeed."""
        receipts = self.engine.send_block(calls, at).receipts
        for receipt in receipts:
            assert receipt.success, (receipt.label, receipt.reason)
        return list(receipts)

    def tick(
        self,
        spots: Prices = 0,
        perps: Prices = 0,
        *,
        at: int | None = None,
        market: int = 0,
        tops: tuple[int, int, int] | None = None,
        impact: tuple[int, int] | None = None,
    ) -> Receipt:
        """One block, 3 s after the last unless told when: the book, all reports, an update.

        Gives the update's receipt.
        """
        when = self.now + 3 if at is None else at
        calls: list[Call] = []
        if tops is not None:
            calls.append(self.set_tops(*tops, market=market))
        if impact is not None:
            calls.append(self.set_impact(*impact, market=market))
        for venue in WEIGHTS:
            spot, perp = _of(spots, venue), _of(perps, venue)
            if spot or perp:
                calls.append(self.post(venue, spot, perp, at=when, market=market))
        return self.block([*calls, self.update(market)], when)[-1]

    def mark(self, market: int = 0) -> int:
        """The mark in the pool."""
        return int(self.pool.call.market(market).mark)

    def inputs(self, market: int = 0) -> Any:
        """The oracle's view of the inputs."""
        return self.oracle.call.inputs(market)

    def next_hour(self) -> int:
        """The first hour of block time that is at least a minute ahead."""
        return (self.now + 60) // HOUR * HOUR + HOUR


def deploy(engine: Engine, artifacts: Artifacts, *, hourly: bool = False) -> Feed:
    """An oracle of seven venues over a fresh pool of MARKETS markets."""
    admin, keeper = engine.sender(0), engine.sender(3)
    venues = {name: engine.sender(20 + place) for place, name in enumerate(WEIGHTS)}
    pool = engine.deploy(artifacts["RecordingPool"], MARKETS, BAND, sender=admin)
    book = engine.deploy(artifacts["SettableBook"], sender=admin)
    oracle = engine.deploy(
        artifacts["Oracle"],
        pool.address,
        book.address,
        [(venues[name], *weights) for name, weights in WEIGHTS.items()],
        MAX_REPORT_AGE,
        QUORUM,
        1 << MAJOR,
        hourly,
        sender=admin,
    )
    return Feed(engine, oracle, pool, book, venues, keeper)


def _of(prices: Prices, venue: str) -> int:
    return prices.get(venue, 0) if isinstance(prices, Mapping) else prices
