"""The reporters: each posts what it sees of the price, late and a little off."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from spillway.units import usd_to_price
from spillway.venue import Report

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

    from spillway.engines import Address, Call
    from spillway.prices import PricePath
    from spillway.scenario import Scenario
    from spillway.venue import Venue

BP = 10_000
GRAIN = 1000  # noise is drawn in thousandths of a basis point
CENT = Decimal("0.01")
FINEST = 6  # decimals of a price


@dataclass(frozen=True, slots=True)
class Source:
    """A reporter: its address, and whether it quotes spot and perpetuals."""

    address: Address
    spot: bool
    perp: bool


class OracleFeed:
    """All reporters and whoever calls the update."""

    def __init__(
        self, venue: Venue, scenario: Scenario, sources: Sequence[Source], caller: Address
    ) -> None:
        self._venue = venue
        self._scenario = scenario
        self._sources = sources
        self._caller = caller
        self._paths: list[PricePath] = [market.path.walked for market in scenario.markets]
        self._noise = int(scenario.feed.noise_bp * GRAIN)

    def decide(self, block: int, rng: Random) -> list[Call]:
        """Post the prices of `lag_blocks` ago from every source, then update every market."""
        seen_at = self._scenario.clock.time_of(max(block - self._scenario.feed.lag_blocks, 0))
        prices = list(enumerate(path.at(seen_at) for path in self._paths))
        calls = [
            self._venue.post(
                source.address,
                seen_at,
                [self._report(market, source, usd, rng) for market, usd in prices],
            )
            for source in self._sources
        ]
        return [*calls, *self._venue.updates(list(range(len(self._paths))), self._caller)]

    def _report(self, market: int, source: Source, usd: Decimal, rng: Random) -> Report:
        spot = self._price(market, usd, rng) if source.spot else 0
        perp = self._price(market, usd, rng) if source.perp else 0
        return Report(market, spot, perp)

    def _price(self, market: int, usd: Decimal, rng: Random) -> int:
        """Quote per lot of `usd` with noise, rounded to what exchanges quote: six digits or so."""
        off = Decimal(rng.randint(-self._noise, self._noise)) / (BP * GRAIN)
        noisy = usd * (1 + off)
        step = Decimal(1).scaleb(max(noisy.adjusted() - FINEST, -FINEST))
        return usd_to_price(noisy.quantize(step), self._scenario.markets[market].size_decimals)
