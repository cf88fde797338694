"""A typed face of the contracts: every call that the run sends, and every read that it needs.

The methods give a Call and send nothing: actors decide with them, the run alone mines blocks.
Amounts are the contracts' own: lots, quote per lot, units of collateral.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple

from spillway.engines.protocol import TX_GAS_LIMIT

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from spillway.deploy import Contracts
    from spillway.engines import Address, Call, Contract
    from spillway.ranking import Plan
    from spillway.sharing import Plan as SharePlan

# Declared gas: what a call may use at most, with room. A block holds 300M of it.
GAS_ACCOUNT = 400_000
GAS_POST = 150_000  # and GAS_POST_MARKET for each market
GAS_POST_MARKET = 40_000
GAS_UPDATE = 200_000  # and GAS_UPDATE_MARKET for each market
GAS_UPDATE_MARKET = 800_000
MOST_UPDATED = 20  # markets of one call: a transaction has 2**24 gas
GAS_PLACE = 8_000_000  # meets up to 32 makers
GAS_REST = 1_500_000
GAS_REQUOTE = 6_000_000
GAS_VAULT = 3_000_000  # weighs a child with many legs
GAS_SHED = 12_000_000  # meets up to 32 makers, or 16 where the child has more than 64 legs
GAS_JOB = 6_000_000  # weighs a loser with up to 256 legs
GAS_WATERFALL = TX_GAS_LIMIT

SETTLED = 16  # redemptions paid by one call
TIERS = 5  # of a margin schedule


class Kind(IntEnum):
    """Kinds of orders, as the book numbers them."""

    GTC = 0
    IOC = 1
    POST_ONLY = 2
    MARKET = 3


class Order(NamedTuple):
    """IOrderBook.Order."""

    is_bid: bool
    price: int  # quote per lot; 0 for a market order
    lots: int
    kind: Kind
    reduce_only: bool = False


class Stop(NamedTuple):
    """IOrderBook.Stop."""

    is_bid: bool
    above: bool
    trigger: int
    limit: int
    lots: int


class Report(NamedTuple):
    """IOracle.Report."""

    market: int
    spot: int
    perp: int


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody with a part in the run; `account` is 0 for who has no margin account."""

    name: str
    kind: str
    owner: Address
    account: int = 0


class Venue:
    """The contracts of one venue."""

    def __init__(self, contracts: Contracts) -> None:
        self.contracts = contracts

    # --- prices ------------------------------------------------------------------------------

    def post(self, reporter: Address, observed_at: int, reports: Sequence[Report]) -> Call:
        """Say what a reporter saw."""
        gas = GAS_POST + GAS_POST_MARKET * len(reports)
        build = self.contracts.oracle.build.post
        call: Call = build(observed_at, reports, sender=reporter, gas=gas)
        return call

    def updates(self, markets: Sequence[int], sender: Address) -> list[Call]:
        """Bring markets into the block's epoch, so many in a call as a transaction can pay for."""
        build = self.contracts.oracle.build.update
        pages = [markets[at : at + MOST_UPDATED] for at in range(0, len(markets), MOST_UPDATED)]
        return [
            build(page, sender=sender, gas=GAS_UPDATE + GAS_UPDATE_MARKET * len(page))
            for page in pages
        ]

    # --- accounts and cash -------------------------------------------------------------------

    def mint(self, owner: Address, units: int, sender: Address) -> Call:
        """Give collateral to somebody."""
        call: Call = self.contracts.usdc.build.mint(owner, units, sender=sender)
        return call

    def approve(self, owner: Address, spender: Address) -> Call:
        """Let a contract move the collateral of its owner."""
        call: Call = self.contracts.usdc.build.approve(spender, 2**256 - 1, sender=owner)
        return call

    def open_account(self, owner: Address, isolated_to: int | None) -> Call:
        """Open a cross account, or one isolated to a market."""
        build = self.contracts.pool.build
        if isolated_to is None:
            call: Call = build.open_account(sender=owner, gas=GAS_ACCOUNT)
        else:
            call = build.open_isolated_account(isolated_to, sender=owner, gas=GAS_ACCOUNT)
        return call

    def set_leverage(self, member: Member, market: int, leverage: int) -> Call:
        """Choose the leverage of an account in a market."""
        build = self.contracts.pool.build.set_leverage
        call: Call = build(member.account, market, leverage, sender=member.owner)
        return call

    def deposit(self, member: Member, units: int) -> Call:
        """Pay collateral into an account."""
        call: Call = self.contracts.custody.build.deposit(
            member.account, units, sender=member.owner, gas=GAS_ACCOUNT
        )
        return call

    def request_withdrawal(self, member: Member, units: int) -> Call:
        """Ask for a withdrawal to the owner; it is paid in a later epoch."""
        build = self.contracts.custody.build.request_withdrawal
        call: Call = build(member.account, units, member.owner, sender=member.owner)
        return call

    def withdraw(self, account: int, sender: Address) -> Call:
        """Pay a requested withdrawal."""
        call: Call = self.contracts.custody.build.withdraw(account, sender=sender)
        return call

    def pledge(self, member: Member, limit: int) -> Call:
        """Have an account stand behind the book, up to `limit` of notional, quote."""
        providers = self.contracts.providers
        if providers is None:
            raise ValueError("the venue has no providers")
        call: Call = providers.build.pledge(
            member.account, limit, sender=member.owner, gas=GAS_ACCOUNT
        )
        return call

    # --- orders ------------------------------------------------------------------------------

    def place(self, member: Member, market: int, order: Order) -> Call:
        """Place an order."""
        gas = GAS_REST if order.kind == Kind.POST_ONLY else GAS_PLACE
        build = self.contracts.book.build.place
        call: Call = build(member.account, market, order, sender=member.owner, gas=gas)
        return call

    def place_stop(self, member: Member, market: int, stop: Stop) -> Call:
        """Place a stop or take-profit."""
        build = self.contracts.book.build.place_stop
        call: Call = build(member.account, market, stop, sender=member.owner, gas=GAS_REST)
        return call

    def cancel(self, member: Member, order_id: int) -> Call:
        """Take one order or stop out of the book."""
        call: Call = self.contracts.book.build.cancel(order_id, sender=member.owner)
        return call

    def requote(
        self, member: Member, market: int, cancels: Sequence[int], orders: Sequence[Order]
    ) -> Call:
        """Replace a maker's orders in one market."""
        build = self.contracts.book.build.requote
        call: Call = build(
            member.account, market, cancels, orders, sender=member.owner, gas=GAS_REQUOTE
        )
        return call

    def trigger(self, order_id: int, sender: Address) -> Call:
        """Fire a stop that the mark has reached."""
        call: Call = self.contracts.book.build.trigger(order_id, sender=sender, gas=GAS_PLACE)
        return call

    # --- waterfall ---------------------------------------------------------------------------

    def liquidate(self, accounts: Sequence[int], sender: Address) -> Call:
        """Run the waterfall for accounts."""
        build = self.contracts.liquidator.build.liquidate
        call: Call = build(accounts, sender=sender, gas=GAS_WATERFALL)
        return call

    def share_fees(self, sender: Address) -> Call:
        """Give the fund its share of the fees that have been earned since the last time."""
        call: Call = self.contracts.liquidator.build.share_fees(sender=sender, gas=GAS_ACCOUNT)
        return call

    def deleverage(self, losers: Sequence[int], plans: Sequence[Plan], sender: Address) -> Call:
        """Close accounts below zero against the other side."""
        build = self.contracts.adl.build.deleverage
        call: Call = build(losers, plans, sender=sender, gas=GAS_WATERFALL)
        return call

    def open_job(self, market: int, loser: int, threshold: int, sender: Address) -> Call:
        """Begin to rank the other side of a loser's position."""
        build = self.contracts.adl.build.open_jobs
        call: Call = build(loser, [(market, threshold)], sender=sender, gas=GAS_JOB)
        return call

    def scan(self, market: int, longs: bool, count: int, sender: Address) -> Call:
        """Weigh further holders of a side."""
        build = self.contracts.adl.build.scan
        call: Call = build(market, longs, count, sender=sender, gas=GAS_WATERFALL)
        return call

    def order(
        self, market: int, longs: bool, start: int, places: Sequence[int], sender: Address
    ) -> Call:
        """Tell the order of the enrolled."""
        build = self.contracts.adl.build.order
        call: Call = build(market, longs, start, places, sender=sender, gas=GAS_WATERFALL)
        return call

    def close(self, loser: int, steps: int, sender: Address, gas: int) -> Call:
        """Close a loser, or go on closing it, against those in front."""
        call: Call = self.contracts.adl.build.close(loser, steps, sender=sender, gas=gas)
        return call

    def socialize(self, loser: int, sender: Address, gas: int) -> Call:
        """Charge what a loser owes to those who hold its markets."""
        call: Call = self.contracts.adl.build.close(loser, sender=sender, gas=gas)
        return call

    def close_on_profit(self, losers: Sequence[int], steps: int, sender: Address) -> Call:
        """Have profits bear what losers owe, so many steps of it."""
        build = self.contracts.adl.build.close
        call: Call = build(losers, steps, sender=sender, gas=GAS_WATERFALL)
        return call

    def proceed(self, market: int, steps: int, sender: Address) -> Call:
        """Go on with what `close_on_profit` has begun in a market."""
        build = self.contracts.adl.build.proceed
        call: Call = build(market, steps, sender=sender, gas=GAS_WATERFALL)
        return call

    def end_job(self, market: int, longs: bool, sender: Address) -> Call:
        """End the ranking of a side."""
        call: Call = self.contracts.adl.build.end_job(market, longs, sender=sender, gas=GAS_JOB)
        return call

    def share(self, losers: Sequence[int], plans: Sequence[SharePlan], sender: Address) -> Call:
        """Close accounts below zero against everyone on the other side."""
        build = self.contracts.adl.build.deleverage
        call: Call = build(losers, plans, sender=sender, gas=GAS_WATERFALL)
        return call

    def open_shares(self, loser: int, markets: Sequence[int], sender: Address) -> Call:
        """Begin to share a loser's positions."""
        build = self.contracts.adl.build.open_jobs
        call: Call = build(loser, markets, sender=sender, gas=GAS_WATERFALL)
        return call

    def scan_shares(self, plan: SharePlan, count: int, sender: Address) -> Call:
        """Weigh further holders against a leg of a loser."""
        build = self.contracts.adl.build.scan
        call: Call = build(*plan, count, sender=sender, gas=GAS_WATERFALL)
        return call

    def end_shares(self, loser: int, market: int, sender: Address) -> Call:
        """End the job of a leg of a loser."""
        build = self.contracts.adl.build.end_job
        call: Call = build(loser, market, sender=sender, gas=GAS_JOB)
        return call

    # --- counterparty ------------------------------------------------------------------------

    @property
    def counterparty(self) -> Contract:
        """The pool that trades against everyone. Raises ValueError where the venue has none."""
        if self.contracts.counterparty is None:
            raise ValueError("the venue has no counterparty")
        return self.contracts.counterparty

    def quote(self, market: int, sender: Address) -> Call:
        """Have the counterparty quote a market around the index."""
        call: Call = self.counterparty.build.quote(market, sender=sender, gas=GAS_REQUOTE)
        return call

    def limit(self, market: int, sender: Address) -> Call:
        """Have the counterparty order the closing of what is won from it beyond its limit."""
        call: Call = self.counterparty.build.limit(market, sender=sender, gas=GAS_REQUOTE)
        return call

    # --- vault -------------------------------------------------------------------------------

    def vault_deposit(self, member: Member, units: int) -> Call:
        """Pay collateral into the vault for shares."""
        build = self.contracts.vault.build.deposit
        call: Call = build(units, sender=member.owner, gas=GAS_VAULT)
        return call

    def redeem(self, member: Member, shares: int) -> Call:
        """Queue shares of the vault for redemption."""
        build = self.contracts.vault.build.request_redemption
        call: Call = build(shares, sender=member.owner, gas=GAS_VAULT)
        return call

    def top_up(self, sender: Address) -> Call:
        """Give the vault's child what it lacks of its capital."""
        call: Call = self.contracts.vault.build.top_up(sender=sender, gas=GAS_VAULT)
        return call

    def collect(self, sender: Address) -> Call:
        """Bring what custody owes the vault into the till."""
        call: Call = self.contracts.vault.build.collect(sender=sender, gas=GAS_VAULT)
        return call

    def settle(self, sender: Address) -> Call:
        """Redeem from the front of the queue."""
        call: Call = self.contracts.vault.build.settle(SETTLED, sender=sender, gas=GAS_PLACE)
        return call

    def claim(self, owner: Address, sender: Address) -> Call:
        """Pay a depositor what was redeemed for it."""
        call: Call = self.contracts.vault.build.claim(owner, sender=sender)
        return call

    def shed(self, market: int, sender: Address, *, by_fund: bool = False) -> Call:
        """Offer a slice of what the vault's child, or the fund, holds in a market to the book."""
        holder = self.contracts.fund if by_fund else self.contracts.vault
        if holder is None:
            raise ValueError("the venue has no insurance fund")
        call: Call = holder.build.shed(market, sender=sender, gas=GAS_SHED)
        return call

    # --- the venue's own ---------------------------------------------------------------------

    @property
    def levers(self) -> Contract:
        """The levers. Raises ValueError where the venue has none."""
        if self.contracts.levers is None:
            raise ValueError("the venue has no levers")
        return self.contracts.levers

    def announce_maintenance(self, market: int, leverages: Sequence[int], admin: Address) -> Call:
        """Announce lower leverages for the tiers of a market."""
        told = [*leverages, *[0] * (TIERS - len(leverages))]
        call: Call = self.levers.build.announce_maintenance(market, told, sender=admin)
        return call

    def raise_maintenance(self, market: int, sender: Address) -> Call:
        """Put what was announced for a market in force."""
        call: Call = self.levers.build.raise_maintenance(market, sender=sender)
        return call

    def lower_cap(self, market: int, lots: int, admin: Address) -> Call:
        """Lower the open interest cap of a market."""
        call: Call = self.levers.build.lower_cap(market, lots, sender=admin)
        return call

    def announce_policy(self, place: int, admin: Address) -> Call:
        """Announce another policy of auto-deleveraging."""
        call: Call = self.levers.build.announce_policy(place, sender=admin)
        return call

    def switch_policy(self, sender: Address) -> Call:
        """Put the policy that was announced in force."""
        call: Call = self.levers.build.switch_policy(sender=sender)
        return call

    def give_to_fund(self, market: int, units: int, donor: Address) -> Iterator[Call]:
        """Top the insurance fund up, with collateral made for it; nothing where there is none."""
        if self.contracts.fund:
            yield self.mint(donor, units, donor)
            yield self.approve(donor, self.contracts.fund.address)
            yield self.contracts.fund.build.give(market, units, sender=donor, gas=GAS_ACCOUNT)
