"""Custody under test, between its token and a pool whose other roles are plain addresses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.unit.contracts.margin_pool import stand as stands
from tests.unit.contracts.margin_pool.stand import CUSTODY, QUOTE_PER_UNIT, START, Stand, units

if TYPE_CHECKING:
    from decimal import Decimal

    from spillway.build import Artifacts
    from spillway.engines import Address, Contract, Engine, Receipt

# The token's ways to behave.
HONEST, RETURNS_FALSE, RETURNS_NOTHING, REVERTS, TAKES_FEE, REENTERS = (
    1 << bit for bit in range(6)
)
MOST_UNITS = 2**64 - 1
CURE_TIME = 7 * 24 * 60 * 60


@dataclass(frozen=True, slots=True)
class Till:
    """Amounts are USD unless a name says units; 1 USD = 10**6 units."""

    stand: Stand
    usdc: Contract
    custody: Contract

    # --- cash in ---------------------------------------------------------------------------

    def fund(self, owner: Address, count: int) -> None:
        """Give somebody units, and let custody take them."""
        self.usdc.transact.mint(owner, count, sender=owner)
        self.usdc.transact.approve(self.custody.address, 2**256 - 1, sender=owner)

    def open(self, owner: Address, cash: Decimal | str | int = 0) -> int:
        """A cross account with cash that came through the token; its id."""
        account = self.stand.open(owner)
        if cash:
            self.fund(owner, units(cash))
            self.custody.transact.deposit(account, units(cash), sender=owner)
        return account

    # --- cash out --------------------------------------------------------------------------

    def ask(self, account: int, count: int, recipient: Address = "") -> None:
        """Request a withdrawal of units, to the owner unless told."""
        owner = self.stand.pool.call.owner_of(account)
        self.custody.transact.request_withdrawal(account, count, recipient or owner, sender=owner)

    def pay_out(self, account: int, sender: Address = "") -> Receipt:
        """Have a requested withdrawal paid, by its owner unless told."""
        caller = sender or self.stand.pool.call.owner_of(account)
        receipt: Receipt = self.custody.transact.withdraw(account, sender=caller)
        return receipt

    def withdraw(self, account: int, count: int) -> int:
        """Request, wait for an epoch, withdraw; the units paid."""
        self.ask(account, count)
        self.stand.mark(START)
        paid: int = self.pay_out(account).named("Withdrawn")[0].paid
        return paid

    # --- losses ----------------------------------------------------------------------------

    def ruin(self, owner: Address, against: int, cash: int, loss: int) -> int:
        """An account that pays `cash` in and ends flat, owing `loss` to the winner `against`."""
        account = self.open(owner, cash)
        self.stand.trade(account, against, 1, cash + loss)
        self.stand.trade(against, account, 1, 0)
        assert self.equity(account) == -units(loss) * QUOTE_PER_UNIT
        return account

    def deficit(self, owner: Address, against: int, cash: int, loss: int) -> None:
        """Leave a deficit of `loss`."""
        self.stand.write_off(self.ruin(owner, against, cash, loss))

    # --- what stands -----------------------------------------------------------------------

    def equity(self, account: int) -> int:
        equity: int = self.stand.pool.call.health(account).equity
        return equity

    def counted(self) -> int:
        """Units that the pool has counted."""
        custody: int = self.stand.pool.call.solvency().custody
        return custody

    def held(self) -> int:
        """Units that the token says are here."""
        return self.balance(self.custody.address)

    def balance(self, owner: Address) -> int:
        balance: int = self.usdc.call.balanceOf(owner)
        return balance

    def behave(self, mode: int) -> None:
        """Choose how the token behaves from now on."""
        self.usdc.transact.behave(mode, sender=self.stand.admin)


def deploy(engine: Engine, artifacts: Artifacts, usdc: Contract) -> Till:
    """Deploy a pool and its custody."""
    stand = stands.deploy(engine, artifacts)
    custody = engine.deploy(
        artifacts["Custody"], stand.pool.address, usdc.address, sender=stand.admin
    )
    stand.pool.transact.grant(CUSTODY, custody.address, sender=stand.admin)
    return Till(stand, usdc, custody)
