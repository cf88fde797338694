"""Stories, each told once a session and looked at by several tests."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from spillway import crash, engines, metrics, presets, scenario, timeline
from spillway.units import quote_to_usd
from tests import runs
from tests.chains import FASTEST

if TYPE_CHECKING:
    from collections.abc import Callable

    from spillway.build import Artifacts
    from spillway.crash import Run
    from spillway.invariants import Snapshot


@dataclass(slots=True)
class Story:
    """A run, what it was at the end of each block, and its summary; not to be changed."""

    run: Run
    seen: list[Snapshot]
    summary: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        self.summary = metrics.summary(self.run)

    @property
    def layers(self) -> set[str]:
        """The layers of the waterfall that were entered."""
        return {name for name, layer in self.run.tally.layers.items() if layer.count}

    def account(self, name: str) -> int:
        return runs.account(self.run, name)

    def equity(self, who: str | int, block: int = -1) -> Decimal:
        """USD, of a member by name or of an account."""
        number = self.account(who) if isinstance(who, str) else who
        return quote_to_usd(self.seen[block].equity(number))

    def size(self, who: str | int, market: int = 0, block: int = -1) -> int:
        """Lots."""
        number = self.account(who) if isinstance(who, str) else who
        legs = self.seen[block].accounts[number].legs
        return legs[market].size if market in legs else 0

    def usd(self, part: str, key: str) -> Decimal:
        """An amount of summary.json."""
        return Decimal(self.summary[part][key])


@pytest.fixture(scope="session")
def tell(artifacts: Artifacts) -> Callable[..., Story]:
    """Run a story, by name; `without` leaves out its events of a sort."""
    told: dict[tuple[str, str, str], Story] = {}

    def run(name: str, venue: str = "hyperliquid", without: str = "") -> Story:
        key = name, venue, without
        if key not in told:
            told[key] = _told(artifacts, *key)
        return told[key]

    return run


def _told(artifacts: Artifacts, name: str, venue: str, without: str) -> Story:
    script = timeline.without(scenario.load(scenario.find(name)), without)
    preset = presets.load(presets.find(venue))
    seen: list[Snapshot] = []

    def watch(run: Run) -> bool:
        seen.append(run.now)
        return True

    with engines.start(FASTEST, crash.genesis(script, preset)) as chain:
        return Story(crash.run(chain, artifacts, script, preset, watch), seen)
