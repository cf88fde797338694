"""The venue's own: its admin pulls levers and tops the fund up, as the timed events say.

What was announced is put in force as soon as its notice is up. While a deleveraging is at work the
contract refuses, and the next block tries again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from spillway.deploy import lever_policies
from spillway.timeline import acts
from spillway.units import size_to_lots, usdc_to_units

if TYPE_CHECKING:
    from collections.abc import Iterator

    from spillway.actors.view import View
    from spillway.engines import Address, Call
    from spillway.presets import Preset
    from spillway.scenario import Scenario
    from spillway.timeline import Event
    from spillway.venue import Venue


class Admin:
    """Acts for the venue, and for whoever puts in force what is due."""

    def __init__(
        self,
        venue: Venue,
        preset: Preset,
        scenario: Scenario,
        admin: Address,
        keeper: Address,
    ) -> None:
        self._venue = venue
        self._scenario = scenario
        self._policies = lever_policies(preset, scenario)
        self._admin = admin
        self._keeper = keeper
        self._ahead = acts(scenario, of_venue=True)
        self._told: set[int | None] = set()  # markets with an announcement; None: the policy

    def decide(self, view: View) -> list[Call]:
        """Return what is due: of the story, and of what was announced before."""
        calls = list(self._due(view))
        while self._ahead and self._ahead[0][0] <= view.block:
            calls += self._calls(self._ahead.pop(0)[1])
        return calls

    def _due(self, view: View) -> Iterator[Call]:
        for market in sorted(self._told, key=lambda told: -1 if told is None else told):
            levers = self._venue.levers.call
            due = (levers.next_policy() if market is None else levers.announced(market))[1]
            if due == 0:
                self._told.discard(market)
            elif due <= view.time and not any(seen.locked for seen in view.now.markets):
                if market is None:
                    yield self._venue.switch_policy(self._keeper)
                else:
                    yield self._venue.raise_maintenance(market, self._keeper)

    def _calls(self, event: Event) -> Iterator[Call]:
        market = 0 if event.market is None else self._scenario.market_id(event.market)
        match event.what:
            case "maintenance":
                self._told.add(market)
                yield self._venue.announce_maintenance(market, event.leverages or (), self._admin)
            case "cap":
                decimals = self._scenario.markets[market].size_decimals
                lots = size_to_lots(event.size or 0, decimals)
                yield self._venue.lower_cap(market, lots, self._admin)
            case "policy" if event.policy in self._policies:
                self._told.add(None)
                place = self._policies.index(event.policy)
                yield self._venue.announce_policy(place, self._admin)
            case "top_up":
                units = usdc_to_units(event.amount_usd or 0)
                yield from self._venue.give_to_fund(market, units, self._admin)
