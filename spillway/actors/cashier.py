"""Carries out what a scenario says of cash: deposits, withdrawals, redemptions from the vault."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spillway.scenario import due
from spillway.units import usd_to_quote, usdc_to_units

if TYPE_CHECKING:
    from collections.abc import Iterable

    from spillway.actors.view import View
    from spillway.engines import Address, Call, Event
    from spillway.opening import Roster
    from spillway.scenario import Scenario
    from spillway.venue import Venue


class Cashier:
    """Acts for whoever an event names, and then calls what pays them, block after block."""

    def __init__(
        self, venue: Venue, scenario: Scenario, roster: Roster, admin: Address, keeper: Address
    ) -> None:
        self._venue = venue
        self._scenario = scenario
        self._roster = roster
        self._admin = admin
        self._keeper = keeper
        self._asked: set[int] = set()  # accounts that wait for a withdrawal
        self._redeeming: set[Address] = set()  # depositors that wait for a redemption

    def decide(self, view: View) -> list[Call]:
        """Do what is due in this block, and pay what was asked for in earlier ones."""
        calls = [self._venue.withdraw(account, self._keeper) for account in sorted(self._asked)]
        if self._redeeming:
            calls += self._pay_redemptions()
        for event in due(self._scenario, view.block):
            member = self._roster.named(event.account or "")
            units = usdc_to_units(event.amount_usd or 0)
            if event.kind == "deposit":
                calls += [
                    self._venue.mint(member.owner, units, self._admin),
                    self._venue.deposit(member, units),
                ]
            elif event.kind == "withdraw":
                calls.append(self._venue.request_withdrawal(member, units))
            else:
                calls.append(
                    self._venue.redeem(member, self._shares(usd_to_quote(event.amount_usd or 0)))
                )
        return calls

    def saw(self, events: Iterable[Event]) -> None:
        """Learn from the events of a block who waits for cash."""
        for event in events:
            name = event.name
            if name == "WithdrawalRequested" and event.args.account in self._roster.accounts:
                self._asked.add(event.args.account)
            elif name == "Withdrawn":
                self._asked.discard(event.args.account)
            elif name == "RedemptionRequested":
                self._redeeming.add(event.args.depositor)
            elif name == "Claimed":
                self._redeeming.discard(event.args.depositor)

    def _shares(self, quote: int) -> int:
        """Shares of the vault that are worth `quote` now, rounded down."""
        vault = self._venue.contracts.vault.call
        nav: int = vault.nav()
        supply: int = vault.supply()
        return quote * supply // nav if nav else 0

    def _pay_redemptions(self) -> list[Call]:
        """Collect, settle and claim, as far as there is something to do."""
        vault, keeper = self._venue.contracts.vault.call, self._keeper
        first, next_one, _ = vault.queue()
        calls = []
        if first != next_one:
            calls += [self._venue.collect(keeper), self._venue.settle(keeper)]
        calls += [
            self._venue.claim(owner, keeper)
            for owner in sorted(self._redeeming)
            if vault.claimable(owner)
        ]
        return calls
