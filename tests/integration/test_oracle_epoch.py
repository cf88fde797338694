"""From reports to margin: the oracle over the real pool and the real book."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import pytest

from spillway.deploy import Role
from tests.unit.contracts.oracle.feed import HOUR, QUORUM, USD, WEIGHTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spillway.build import Artifacts
    from spillway.engines import Address, Contract, Engine, Receipt

UNIT = 10**6
BAND = 100_000
MAX_AGE = 30
GTC, IOC = 0, 1
OPEN, UNOPENED = 0, 1  # markets with and without a book


@dataclass(frozen=True, slots=True)
class Scene:
    """Pool, book and oracle with two markets of lots of one asset, and two accounts."""

    engine: Engine
    pool: Contract
    book: Contract
    oracle: Contract
    venues: Sequence[Address]
    keeper: Address
    owners: dict[int, Address]
    buying: int
    selling: int

    def tick(self, price: int, at: int) -> Receipt:
        """Every venue sees `price` everywhere, spot and perp; both markets are updated."""
        reports = [(OPEN, price, price), (UNOPENED, price, price)]
        calls = [self.oracle.build.post(at, reports, sender=venue) for venue in self.venues]
        calls.append(self.oracle.build.update([OPEN, UNOPENED], sender=self.keeper))
        receipts = self.engine.send_block(calls, at).receipts
        assert all(receipt.success for receipt in receipts), [r.reason for r in receipts]
        return receipts[-1]

    def place(self, account: int, lots: int, usd: int, kind: int = GTC) -> None:
        """Bid for (lots > 0) or offer lots in the open market."""
        order = (lots > 0, usd * USD, abs(lots), kind, False)
        self.book.transact.place(account, OPEN, order, sender=self.owners[account])

    def equity(self, account: int) -> int:
        return int(self.pool.call.health(account).equity)

    def next_hour(self) -> int:
        return (self.engine.head.timestamp // HOUR + 1) * HOUR


@pytest.fixture
def scene(
    engine: Engine,
    artifacts: Artifacts,
    usdc: Contract,
    admin: Address,
    keeper: Address,
    trader: Address,
    maker: Address,
) -> Scene:
    pool = engine.deploy(artifacts["MarginPool"], 0, 0, BAND, sender=admin)
    custody = engine.deploy(artifacts["Custody"], pool.address, usdc.address, sender=admin)
    book = engine.deploy(artifacts["OrderBook"], pool.address, sender=admin)
    venues = [engine.sender(20 + place) for place in range(len(WEIGHTS))]
    reporters = [(venue, *pair) for venue, pair in zip(venues, WEIGHTS.values(), strict=True)]
    oracle = engine.deploy(
        artifacts["Oracle"],
        pool.address,
        book.address,
        reporters,
        30,
        QUORUM,
        0,
        False,
        sender=admin,
    )
    for role, engine_of in (
        (Role.ORACLE, oracle),
        (Role.BOOK, book),
        (Role.CUSTODY, custody),
    ):
        pool.transact.grant(role, engine_of.address, sender=admin)
    tiers = [(0, 20), (0, 0), (0, 0), (0, 0), (0, 0)]
    for _ in (OPEN, UNOPENED):
        pool.transact.list_market((0, MAX_AGE, 10**9, tiers), sender=admin)
    book.transact.open_market(OPEN, sender=admin)
    owners = {}
    for owner in (trader, maker):
        receipt = pool.transact.open_account(sender=owner)
        account = receipt.named("AccountOpened")[0].account
        usdc.transact.mint(owner, 10**6 * UNIT, sender=admin)
        usdc.transact.approve(custody.address, 10**6 * UNIT, sender=owner)
        custody.transact.deposit(account, 10**6 * UNIT, sender=owner)
        owners[account] = owner
    return Scene(engine, pool, book, oracle, venues, keeper, owners, *owners)


def test_an_update_opens_an_epoch_and_prices_every_market(scene: Scene) -> None:
    before = scene.pool.call.epoch()
    scene.tick(100 * USD, scene.next_hour())

    assert scene.pool.call.epoch() == before + 1
    for market in (OPEN, UNOPENED):
        found = scene.pool.call.market(market)
        assert (found.mark, found.index, found.fresh) == (100 * USD, 100 * USD, True)


def test_previous_mark_is_that_of_the_block_before_however_often_this_one_updates(
    scene: Scene,
) -> None:
    start = scene.next_hour()
    scene.tick(100 * USD, start)
    reports = [(OPEN, 90 * USD, 90 * USD)]
    posts = [scene.oracle.build.post(start + 3, reports, sender=venue) for venue in scene.venues]
    update = scene.oracle.build.update([OPEN], sender=scene.keeper)
    scene.engine.send_block([update, *posts, update, update], start + 3)

    found = scene.pool.call.market(OPEN)
    assert (found.mark, found.previous_mark) == (90 * USD, 100 * USD)


def test_a_market_goes_stale_when_its_reports_stop(scene: Scene) -> None:
    start = scene.next_hour()
    scene.tick(100 * USD, start)
    update = scene.oracle.build.update([OPEN], sender=scene.keeper)
    scene.engine.send_block([update], start + 31)

    found = scene.pool.call.market(OPEN)
    assert (found.fresh, found.mark, found.updated_at) == (False, 100 * USD, start)


def test_mark_follows_the_own_book_between_the_other_inputs(scene: Scene) -> None:
    start = scene.next_hour()
    scene.tick(100 * USD, start)
    scene.place(scene.selling, -10, 105)
    scene.place(scene.buying, 10, 103)
    scene.tick(100 * USD, start + 15)

    found = scene.oracle.call.inputs(OPEN)
    # One sample of the averages: the mid is 104, and no trade has been yet. Perps stand at 100.
    assert tuple(found) == (100 * USD, 104 * USD, 104 * USD, 100 * USD, 104 * USD, 104 * USD)
    assert scene.pool.call.market(OPEN).mark == 104 * USD
    # Where there is no book, perps are the only input.
    assert scene.pool.call.market(UNOPENED).mark == 100 * USD


@pytest.mark.parametrize("stands", [False, True])
def test_quotes_that_come_and_go_within_a_block_move_no_price(scene: Scene, stands: bool) -> None:
    """A flash of quotes around the update would cost nothing; those that stood may be hit."""
    start = scene.next_hour()
    scene.tick(100 * USD, start)
    bid = (True, 108 * USD, 10, GTC, False)
    ask = (False, 109 * USD, 10, GTC, False)
    quotes = [
        scene.book.build.place(account, OPEN, order, sender=scene.owners[account])
        for account, order in ((scene.buying, bid), (scene.selling, ask))
    ]
    reports = [(OPEN, 100 * USD, 100 * USD)]
    when = start + 15
    posts = [scene.oracle.build.post(when, reports, sender=venue) for venue in scene.venues]
    update = scene.oracle.build.update([OPEN], sender=scene.keeper)
    if stands:
        scene.engine.send_block(quotes, when - 1)
        scene.engine.send_block([*posts, update], when)
    else:
        scene.engine.send_block([*posts, *quotes, update], when)

    # The book's mid, 108.5, enters twice (its median and its average): it is the mark though
    # perps stand at 100.
    expected = 108 * USD + USD // 2 if stands else 100 * USD
    assert scene.pool.call.market(OPEN).mark == expected


def test_funding_of_the_real_book_moves_quote_from_longs_to_shorts(scene: Scene) -> None:
    start = scene.next_hour()
    scene.tick(100 * USD, start)
    scene.place(scene.selling, -100, 100)
    scene.place(scene.buying, 100, 100, IOC)
    # 6,000 USD sell into this book at 102 and less: 50 lots at 102, the rest at 101.
    scene.place(scene.buying, 50, 102)
    scene.place(scene.buying, 50, 101)
    scene.place(scene.selling, -100, 104)
    receipt = scene.tick(100 * USD, start + 15)
    premium = receipt.named("FundingSampled")[0].premium
    impact = 6_000 / (50 + Fraction(6_000 - 50 * 102, 101))
    assert abs(Fraction(premium, 10**18) - (impact / 100 - 1)) < Fraction(1, 10**12)
    funding = scene.pool.call.market(OPEN).funding
    equities = {account: scene.equity(account) for account in scene.owners}

    # Samples so far: 0 before there was a book, then this one.
    average = premium // 2
    rate = average - 5 * 10**14
    assert scene.oracle.call.funding_rate(OPEN) == rate
    scene.tick(100 * USD, start + 30)

    paid = scene.pool.call.market(OPEN).funding - funding
    assert paid == rate * 100 * USD * 15 // (8 * HOUR * 10**18) > 0
    moved = {account: scene.equity(account) - equities[account] for account in scene.owners}
    assert sum(moved.values()) == 0
    mark = scene.pool.call.market(OPEN).mark - receipt.named("MarkSet")[0].mark
    assert moved[scene.buying] == 100 * (mark - paid)
