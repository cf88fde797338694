"""Calls what pays those who have asked for cash: withdrawals, and redemptions from the vault."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from spillway.engines import Address, Call, Event
    from spillway.opening import Roster
    from spillway.venue import Venue


class Cashier:
    """Looks after those who wait, block after block, until they are paid."""

    def __init__(self, venue: Venue, roster: Roster, keeper: Address) -> None:
        self._venue = venue
        self._roster = roster
        self._keeper = keeper
        self._asked: set[int] = set()  # accounts that wait for a withdrawal
        self._redeeming: set[Address] = set()  # depositors that wait for a redemption

    def decide(self) -> list[Call]:
        """Pay what was asked for in earlier blocks."""
        calls = [self._venue.withdraw(account, self._keeper) for account in sorted(self._asked)]
        if self._redeeming:
            calls += self._pay_redemptions()
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
