"""What an actor may look at before it decides."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from spillway.model import margin

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from spillway.invariants import Holdings
    from spillway.model.words import Account, Leg
    from spillway.observe import StandingStop


@dataclass(frozen=True, slots=True)
class View:
    """The venue as it stands.

    Attributes:
        block: Of the run, counted from 0.
        time: Of the chain's head, seconds.
        now: Accounts, markets and totals at the head.
        stops: Stops that stand, by order id.
        orders_of: Ids of an account's live orders, read when asked for.
        suspects: The accounts that may be below maintenance or zero; None = any may be.
    """

    block: int
    time: int
    now: Holdings
    stops: Mapping[int, StandingStop] = field(default_factory=dict)
    orders_of: Callable[[int], Sequence[int]] = lambda _: ()
    suspects: Sequence[int] | None = None

    def usable(self, market: int) -> bool:
        """Whether a market has a fresh mark and is not locked."""
        seen = self.now.markets[market]
        return seen.fresh(self.time) and not seen.locked

    def leg(self, account: int, market: int) -> Leg | None:
        """An account's position and resting orders in a market, if there are any."""
        return self.now.accounts[account].legs.get(market)

    def liquidatable(self) -> Iterator[int]:
        """Accounts with equity below maintenance, by id."""
        for number, held in self._suspected():
            if margin.liquidatable(held, self.now.markets):
                yield number

    def below_zero(self) -> Iterator[int]:
        """Accounts with a position and equity below zero, by id."""
        for number, held in self._suspected():
            if margin.equity(held, self.now.markets) < 0:
                yield number

    def _suspected(self) -> Iterator[tuple[int, Account]]:
        numbers = self.now.accounts if self.suspects is None else self.suspects
        held = ((number, self.now.accounts[number]) for number in numbers)
        return ((number, account) for number, account in held if account.legs)
