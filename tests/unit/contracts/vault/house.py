"""The vault under test on its real pool, custody and book, with the calls that tests repeat."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from spillway.model.vault import VIRTUAL_SHARES
from tests.unit.contracts.order_book import desk as desks
from tests.unit.contracts.order_book.desk import QUOTE, START, UNIT, per_lot

if TYPE_CHECKING:
    from decimal import Decimal

    from spillway.build import Artifacts
    from spillway.engines import Address, Contract, Engine, Receipt

VAULT_ROLE = 16
PPM = 10**6
DAY = 24 * 60 * 60
QUOTE_PER_UNIT = QUOTE // UNIT

SHARES_PER_UNIT = VIRTUAL_SHARES  # at the first price


class Params(NamedTuple):
    """IVault.Params."""

    at_risk: int = 30_000
    lock: int = 4 * DAY
    shed_slice: int = 100_000
    shed_band: int = 10_000


@dataclass(frozen=True, slots=True)
class House:
    """A vault beside the desk of a pool with one open market; engines' roles are plain senders."""

    desk: desks.Desk
    vault: Contract
    parent: int
    child: int

    # --- depositors ------------------------------------------------------------------------

    def fund(self, owner: Address, units: int) -> None:
        """Give an owner units of collateral that the vault may take."""
        usdc, admin = self.desk.usdc, self.desk.admin
        usdc.transact.mint(owner, units, sender=admin)
        usdc.transact.approve(self.vault.address, units, sender=owner)

    def deposit(self, owner: Address, usd: int) -> int:
        """Deposit into the vault; the shares issued."""
        self.fund(owner, usd * UNIT)
        receipt = self.vault.transact.deposit(usd * UNIT, sender=owner)
        shares: int = receipt.named("SharesIssued")[0].shares
        return shares

    def unlock(self) -> None:
        """Let the lock of all shares run out, with a fresh mark at the end."""
        self.desk.age(self.vault.call.params().lock)
        self.desk.set_mark(START)

    def request(self, owner: Address, shares: int | None = None) -> Receipt:
        """Ask for redemption, of all shares unless told."""
        amount = self.shares_of(owner) if shares is None else shares
        receipt: Receipt = self.vault.transact.request_redemption(amount, sender=owner)
        return receipt

    def pay_out(self, count: int = 64, usd: Decimal | str | int = START) -> Receipt:
        """A new epoch, then collect and settle; the receipt of settling."""
        self.desk.set_mark(usd)
        self.collect()
        return self.settle(count)

    # --- what anyone may call --------------------------------------------------------------

    def call(self, function: str, *args: Any) -> Receipt:
        """A keeper calls the vault."""
        receipt: Receipt = getattr(self.vault.transact, function)(*args, sender=self.anyone)
        return receipt

    def collect(self) -> Receipt:
        return self.call("collect")

    def settle(self, count: int = 64) -> Receipt:
        return self.call("settle", count)

    def claim(self, owner: Address) -> Receipt:
        return self.call("claim", owner)

    def top_up(self) -> Receipt:
        return self.call("top_up")

    def skim(self) -> Receipt:
        return self.call("skim")

    def shed(self, market: int | None = None) -> Receipt:
        where = self.desk.market if market is None else market
        return self.call("shed", where)

    @property
    def anyone(self) -> Address:
        """The keeper."""
        return self.desk.engine.sender(3)

    # --- what happens to the child ---------------------------------------------------------

    def hand_over(self, seller: int, lots: int, usd: Decimal | str | int = START) -> None:
        """`lots` pass to the child at a price, as in a takeover; below zero, from it."""
        buyer, seller = (self.child, seller) if lots > 0 else (seller, self.child)
        quote = abs(lots) * per_lot(usd)
        exchange = self.desk.pool.transact.exchange
        exchange(self.desk.market, buyer, seller, abs(lots), quote, sender=self.desk.liquidator)

    def take(self, source: int, target: int, usd: int) -> None:
        """Move quote by force, as a layer of the waterfall may."""
        self.desk.pool.transact.pay(source, target, usd * QUOTE, sender=self.desk.liquidator)

    def write_deficit(self, loser: int, winner: int, usd: int) -> None:
        """Leave a deficit of `usd`, for an account that holds nothing."""
        pool, market, by = self.desk.pool.transact, self.desk.market, self.desk.liquidator
        pool.exchange(market, loser, winner, 1, usd * QUOTE, sender=by)
        pool.exchange(market, winner, loser, 1, 0, sender=by)
        pool.write_off(loser, sender=by)

    # --- what stands -----------------------------------------------------------------------

    def shares_of(self, owner: Address) -> int:
        shares: int = self.vault.call.balance_of(owner)
        return shares

    def equity_of(self, account: int) -> int:
        equity: int = self.desk.pool.call.health(account).equity
        return equity

    def queue(self) -> tuple[int, int, int]:
        """Number in front, next number, shares waiting."""
        first, coming, waiting = self.vault.call.queue()
        return first, coming, waiting

    def asked(self) -> int:
        """Units that custody owes the vault."""
        units: int = self.desk.custody.call.request_of(self.parent)[0]
        return units

    def balance_of(self, owner: Address) -> int:
        """Units of the token."""
        units: int = self.desk.usdc.call.balanceOf(owner)
        return units


def deploy(
    engine: Engine, artifacts: Artifacts, usdc: Contract, params: Params | None = None
) -> House:
    """A desk with a vault whose accounts are open."""
    desk = desks.deploy(engine, artifacts, usdc)
    return open_vault(desk, deploy_vault(desk, artifacts, params or Params()))


def deploy_vault(desk: desks.Desk, artifacts: Artifacts, params: tuple[int, ...]) -> Contract:
    """A vault that has no role yet."""
    beside = (desk.pool.address, desk.custody.address, desk.book.address)
    return desk.engine.deploy(artifacts["Vault"], *beside, params, sender=desk.admin)


def open_vault(desk: desks.Desk, vault: Contract) -> House:
    """Grant the role and open the accounts."""
    desk.pool.transact.grant(VAULT_ROLE, vault.address, sender=desk.admin)
    opened: Any = vault.transact.open_accounts(sender=desk.admin).named("AccountsOpened")[0]
    return House(desk, vault, opened.parent, opened.child)
