"""The book under test on its real pool, with the calls that tests make over and over."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from tests.takers import Taken, ended

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spillway.build import Artifacts
    from spillway.engines import Address, Contract, Engine, Receipt

GTC, IOC, ALO, MARKET = range(4)

# Reasons of `Removed`.
BY_OWNER, SELF_TRADE, MAKER_FAILED, NOTHING_TO_REDUCE, LIQUIDATED, FIRED, OUTSIDE_BAND = range(7)

# Ends of `Taken`.
FILLED, RESTS, LIMIT_REACHED, TAKER_FAILED, MAKERS_MET, NO_POSITION, AT_CAP = range(7)

ORACLE_ROLE, BOOK_ROLE, LIQUIDATOR_ROLE, ADL_ROLE, CUSTODY_ROLE = 1, 2, 4, 8, 32

SIZE_DECIMALS = 3
LOT = Decimal(10) ** -SIZE_DECIMALS
QUOTE = 10**18
UNIT = 10**6
MAX_AGE = 60
CAP = 10**9
BAND = 100_000
TAKER_FEE, MAKER_FEE = 450, 150
MAX_MAKERS = 32
SEATS = 32
TIERS = [(0, 20), (100_000_000, 10), (0, 0), (0, 0), (0, 0)]
START = 100  # USD, the first mark


class Order(NamedTuple):
    """IOrderBook.Order, its price in quote per lot."""

    is_bid: bool
    price: int
    lots: int
    kind: int = GTC
    reduce_only: bool = False


class Stop(NamedTuple):
    """IOrderBook.Stop, its prices in quote per lot."""

    is_bid: bool
    above: bool
    trigger: int
    limit: int
    lots: int


def per_lot(usd: Decimal | str | int) -> int:
    """Quote per lot of a price in USD per unit of the asset."""
    price = Decimal(usd) * LOT * QUOTE
    assert price == int(price)
    return int(price)


def bid(
    usd: Decimal | str | int, lots: int, kind: int = GTC, *, reduce_only: bool = False
) -> Order:
    """A buy order at `usd` per unit of the asset."""
    return Order(True, per_lot(usd), lots, kind, reduce_only)


def ask(
    usd: Decimal | str | int, lots: int, kind: int = GTC, *, reduce_only: bool = False
) -> Order:
    """A sell order at `usd` per unit of the asset."""
    return Order(False, per_lot(usd), lots, kind, reduce_only)


def to_market(is_bid: bool, lots: int, *, reduce_only: bool = False) -> Order:
    """An order that takes whatever the band allows."""
    return Order(is_bid, 0, lots, MARKET, reduce_only)


@dataclass(frozen=True, slots=True)
class Desk:
    """A pool with one open market, its book, and the engines' roles held by plain senders."""

    engine: Engine
    usdc: Contract
    pool: Contract
    custody: Contract
    book: Contract
    admin: Address
    oracle: Address
    liquidator: Address
    deleverager: Address
    market: int

    def open_account(self, owner: Address, usd: int = 1_000_000) -> int:
        """A cross account of `owner` with `usd` in it."""
        opened = self.pool.transact.open_account(sender=owner).named("AccountOpened")
        account: int = opened[0].account
        if usd:
            self.deposit(account, usd)
        return account

    def deposit(self, account: int, usd: int) -> None:
        owner = self.owner_of(account)
        units = usd * UNIT
        self.usdc.transact.mint(owner, units, sender=self.admin)
        self.usdc.transact.approve(self.custody.address, units, sender=owner)
        self.custody.transact.deposit(account, units, sender=owner)

    def list_market(self, cap: int = CAP, size_decimals: int = SIZE_DECIMALS) -> int:
        """A further market, listed in the pool but not yet open here."""
        config = (size_decimals, MAX_AGE, cap, TIERS)
        receipt = self.pool.transact.list_market(config, sender=self.admin)
        market: int = receipt.named("MarketListed")[0].market
        return market

    def set_mark(
        self, usd: Decimal | str | int, market: int | None = None, index: Decimal | str | int = 0
    ) -> None:
        """A new epoch with this mark; the index is the same unless told."""
        where = self.market if market is None else market
        update = (where, per_lot(usd), per_lot(index or usd), 0)
        self.pool.transact.advance([update], sender=self.oracle)

    def age(self, seconds: int) -> None:
        """Let time pass, and nothing else."""
        self.engine.send_block([], self.engine.head.timestamp + seconds)

    def lock(self, *, locked: bool = True) -> None:
        """Close the market to all but auto-deleveraging, or open it again."""
        self.pool.transact.lock_market(self.market, locked, sender=self.deleverager)

    def owner_of(self, account: int) -> Address:
        owner: Address = self.pool.call.owner_of(account)
        return owner

    # --- calls of an account's owner -------------------------------------------------------

    def send(self, account: int, order: Order, market: int | None = None) -> Receipt:
        """Place an order as the owner of the account."""
        owner = self.owner_of(account)
        where = self.market if market is None else market
        receipt: Receipt = self.book.transact.place(account, where, order, sender=owner)
        return receipt

    def rest(self, account: int, order: Order, market: int | None = None) -> int:
        """Place an order that must rest as it is; its id."""
        receipt = self.send(account, order, market)
        placed = receipt.named("Placed")[0]
        assert placed.lots == order.lots
        order_id: int = placed.order_id
        return order_id

    def take(self, account: int, order: Order, market: int | None = None) -> Taken:
        """Place an order that takes; how it ended."""
        return ended(self.send(account, order, market))

    def place_stop(self, account: int, stop: Stop) -> int:
        """Place a stop as the owner of the account; its id."""
        owner = self.owner_of(account)
        receipt = self.book.transact.place_stop(account, self.market, stop, sender=owner)
        order_id: int = receipt.named("StopPlaced")[0].order_id
        return order_id

    def cancel(self, order_id: int) -> Receipt:
        """Cancel an order as the owner of its account."""
        owner = self.owner_of(self.book.call.order(order_id).account)
        receipt: Receipt = self.book.transact.cancel(order_id, sender=owner)
        return receipt

    def requote(self, account: int, cancels: Sequence[int], orders: Sequence[Order]) -> Receipt:
        """Requote as the owner of the account."""
        owner = self.owner_of(account)
        call = self.book.transact.requote
        receipt: Receipt = call(account, self.market, cancels, orders, sender=owner)
        return receipt

    def trade(self, buyer: int, seller: int, lots: int, usd: Decimal | str | int) -> None:
        """`lots` from seller to buyer at `usd`, through an empty spread."""
        self.rest(buyer, bid(usd, lots))
        assert self.take(seller, ask(usd, lots, IOC)).filled == lots

    # --- what stands -----------------------------------------------------------------------

    def lots_of(self, order_id: int) -> int:
        lots: int = self.book.call.order(order_id).lots
        return lots

    def orders_of(self, account: int) -> list[int]:
        """Ids of the live orders and stops of an account."""
        return list(self.book.call.orders_of(account))

    def size_of(self, account: int) -> int:
        size: int = self.pool.call.position(account, self.market).size
        return size

    def resting_of(self, account: int) -> tuple[int, int]:
        """Lots of bids and of asks for which the pool reserves margin."""
        position = self.pool.call.position(account, self.market)
        return position.resting_bids, position.resting_asks

    def levels(self, bids: bool, count: int = 64) -> list[tuple[int, int, int]]:
        """(price, lots, orders) of the best levels of a side."""
        return [tuple(level) for level in self.book.call.depth(self.market, bids, count)]


def deploy(engine: Engine, artifacts: Artifacts, usdc: Contract, cap: int = CAP) -> Desk:
    """Deploy pool and book, hand the roles out, list a market, open it, set its first mark."""
    admin, oracle, liquidator, deleverager = (engine.sender(i) for i in (0, 6, 7, 8))
    pool = engine.deploy(artifacts["MarginPool"], TAKER_FEE, MAKER_FEE, BAND, sender=admin)
    custody = engine.deploy(artifacts["Custody"], pool.address, usdc.address, sender=admin)
    book = engine.deploy(artifacts["OrderBook"], pool.address, sender=admin)
    for role, engine_of in (
        (ORACLE_ROLE, oracle),
        (BOOK_ROLE, book.address),
        (LIQUIDATOR_ROLE, liquidator),
        (ADL_ROLE, deleverager),
        (CUSTODY_ROLE, custody.address),
    ):
        pool.transact.grant(role, engine_of, sender=admin)
    desk = Desk(engine, usdc, pool, custody, book, admin, oracle, liquidator, deleverager, market=0)
    assert desk.list_market(cap) == desk.market
    book.transact.open_market(desk.market, sender=admin)
    desk.set_mark(START)
    return desk
