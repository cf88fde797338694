"""The vault and its model, driven by the same random calls, agree on every number and refusal.

The pool, the custody and the book are real; the engines' roles are plain senders, so that the
child inherits, wins and loses whatever a call says.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spillway.model import custody
from spillway.model.margin import Market, Tier
from spillway.model.pool import Pool, Refused, Update, require
from spillway.model.vault import DAY, MIN_ISSUED, Vault
from spillway.units import QUOTE_DECIMALS, QUOTE_PER_UNIT
from tests.unit.contracts.order_book.desk import START, per_lot
from tests.unit.contracts.vault import house as houses

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from spillway.build import Artifacts
    from spillway.engines import Address, Call, Contract, Engine

USD = 10**QUOTE_DECIMALS
UNITS_PER_USD = 10**6
MARKET = 0
SELLER, SAVER, LOSER, WINNER = 5, 6, 7, 8
AT_RISK, LOCK = 200_000, 3 * DAY


@dataclass
class Twin:
    """The contracts and the model, side by side."""

    house: houses.House
    owners: tuple[Address, ...]
    model: Vault

    # --- one call on both sides -----------------------------------------------------------------

    def both(self, call: Call, act: Callable[[Vault], Any], seconds: int = 1) -> None:
        """Mine one call and do the same in the model; compare what became of it."""
        engine = self.house.desk.engine
        receipt = engine.send(call, engine.head.timestamp + seconds)
        self.model.pool.mine(seconds)
        reason = self.attempt(act)
        assert (receipt.success, receipt.reason) == (reason is None, reason or ""), call.label
        self.compare()

    def attempt(self, act: Callable[[Vault], Any]) -> str | None:
        """Act on the model; give why it refused, having changed nothing."""
        trial = self.model.copy()
        try:
            act(trial)
        except Refused as refused:
            return refused.reason
        self.model = trial
        return None

    def compare(self) -> None:
        house, model, call = self.house, self.model, self.house.vault.call
        assert call.supply() == model.supply
        assert call.till() == model.till
        assert call.topped_up_at() == model.topped_up_at
        assert (call.nav(), call.redeemable(), call.capital()) == (
            model.nav,
            model.redeemable,
            model.capital,
        )
        first = model.settled
        assert house.queue() == (first, first + len(model.queue), model.waiting)
        for number, request in enumerate(model.queue, first):
            owner, *rest = call.redemption(number)
            assert (owner, *rest) == (
                request.owner,
                request.epoch,
                request.shares,
                request.assets,
                request.shares_total,
            )
        for owner in self.owners:
            assert call.balance_of(owner) == model.balances.get(owner, 0)
            assert call.unlocks_at(owner) == model.unlocks_at.get(owner, 0)
            assert call.claimable(owner) == model.claimable.get(owner, 0)
        assert house.asked() == model.asked.units
        for account in (model.parent, model.child):
            assert house.equity_of(account) == model.pool.equity(account)
        self.check_claims()

    def check_claims(self) -> None:
        """Tokens cover the till and what may be claimed; the shares claim no more than there is."""
        held = self.house.balance_of(self.house.vault.address)
        assert held == self.model.till + sum(self.model.claimable.values())
        shares = sum(self.model.balances.values()) + self.model.waiting
        assert shares == self.model.supply
        assert shares * self.model.redeemable // self.model.shares_total <= self.model.nav

    # --- depositors -----------------------------------------------------------------------------

    def deposit(self, who: int, units: int) -> None:
        owner = self.owners[who]
        call = self.house.vault.build.deposit(units, sender=owner)
        self.both(call, lambda model: model.deposit(owner, units))

    def request(self, who: int, parts: int) -> None:
        """Ask for so many hundredths of an owner's shares."""
        owner = self.owners[who]
        shares = self.model.balances.get(owner, 0) * parts // 100
        call = self.house.vault.build.request_redemption(shares, sender=owner)
        self.both(call, lambda model: model.request_redemption(owner, shares))

    def claim(self, who: int) -> None:
        owner = self.owners[who]
        call = self.house.vault.build.claim(owner, sender=self.house.anyone)
        self.both(call, lambda model: model.claim(owner))

    # --- anyone ---------------------------------------------------------------------------------

    def collect(self) -> None:
        self.both(self.house.vault.build.collect(sender=self.house.anyone), Vault.collect)

    def settle(self, count: int) -> None:
        call = self.house.vault.build.settle(count, sender=self.house.anyone)
        self.both(call, lambda model: model.settle(count))

    def redeem(self, who: int, parts: int, moved: int) -> None:
        """The whole way of a redemption, by as many epochs as it takes."""
        self.request(who, parts)
        self.advance(moved)
        self.collect()
        self.settle(3)
        self.claim(who)

    def top_up(self) -> None:
        self.both(self.house.vault.build.top_up(sender=self.house.anyone), Vault.top_up)

    def skim(self) -> None:
        self.both(self.house.vault.build.skim(sender=self.house.anyone), Vault.skim)

    def withdraw(self) -> None:
        """Someone else has custody pay what the vault has asked for."""
        desk = self.house.desk
        call = desk.custody.build.withdraw(self.model.parent, sender=desk.admin)

        def act(model: Vault) -> None:
            asked = model.asked.units
            paid = custody.withdraw(model.pool, model.parent)
            require(paid == asked, "custody: not the owner")
            model.till += paid

        self.both(call, act)

    def give(self, units: int) -> None:
        """Tokens are sent to the vault."""
        usdc, vault = self.house.desk.usdc, self.house.vault
        call = usdc.build.mint(vault.address, units, sender=self.house.anyone)
        self.both(call, lambda model: setattr(model, "till", model.till + units))

    # --- the venue ------------------------------------------------------------------------------

    def advance(self, parts: int, seconds: int = 15) -> None:
        """Post a mark in parts per 1,000 of the last one, a little off the round."""
        mark = self.model.pool.markets[MARKET].mark * parts // 1_000 + parts % 7
        update = Update(MARKET, mark, mark, parts % 5 - 2)
        desk = self.house.desk
        call = desk.pool.build.advance([update], sender=desk.oracle)
        self.both(call, lambda model: model.pool.advance([update]), seconds)

    def inherit(self, lots: int) -> None:
        """Lots pass to the child at mark, as in a takeover; below zero, from it."""
        child, mark = self.model.child, self.model.pool.markets[MARKET].mark
        buyer, seller = (child, SELLER) if lots > 0 else (SELLER, child)
        self.exchange(buyer, seller, abs(lots), abs(lots) * mark)

    def close(self) -> None:
        """The child's position is closed at mark."""
        size = self.model.pool.leg(self.model.child, MARKET).size
        if size:
            self.inherit(-size)

    def exchange(self, buyer: int, seller: int, lots: int, quote: int) -> None:
        desk = self.house.desk
        args = (MARKET, buyer, seller, lots, quote)
        call = desk.pool.build.exchange(*args, sender=desk.liquidator)
        self.both(call, lambda model: model.pool.exchange(*args))

    def pay(self, source: int, target: int, amount: int) -> None:
        desk = self.house.desk
        call = desk.pool.build.pay(source, target, amount, sender=desk.liquidator)
        self.both(call, lambda model: model.pool.pay(source, target, amount))

    def win(self, amount: int) -> None:
        self.pay(SELLER, self.model.child, amount)

    def lose(self, amount: int, *, parents: bool) -> None:
        self.pay(self.model.parent if parents else self.model.child, SELLER, amount)

    def default(self, amount: int) -> None:
        """An account that holds nothing owes another what it has won."""
        self.exchange(LOSER, WINNER, 1, amount)
        self.exchange(WINNER, LOSER, 1, 0)
        desk = self.house.desk
        call = desk.pool.build.write_off(LOSER, sender=desk.liquidator)
        self.both(call, lambda model: model.pool.write_off(LOSER))

    def cover(self, units: int) -> None:
        call = self.house.desk.custody.build.cover_deficit(units, sender=self.owners[0])
        self.both(call, lambda model: custody.cover_deficit(model.pool, units))

    def hold(self, *, held: bool) -> None:
        desk = self.house.desk
        call = desk.pool.build.hold_seniority(held, sender=desk.deleverager)
        self.both(call, lambda model: setattr(model.pool, "held", held))


# --- set-up --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def deployed(engine: Engine, artifacts: Artifacts, usdc: Contract) -> Iterator[Twin]:
    """A vault and four accounts beside it, on both sides; two owners have all tokens they want."""
    token = engine.snapshot()
    house = houses.deploy(engine, artifacts, usdc, houses.Params(AT_RISK, LOCK))
    desk = house.desk
    owners = (engine.sender(10), engine.sender(11))
    for owner in owners:
        usdc.transact.mint(owner, 2**80, sender=owner)
        for spender in (house.vault.address, desk.custody.address):
            usdc.transact.approve(spender, 2**200, sender=owner)
    for number, usd in ((SELLER, 1_000_000), (SAVER, 50_000), (LOSER, 0), (WINNER, 0)):
        assert desk.open_account(engine.sender(12), usd) == number

    tiers = (Tier(0, 20), Tier(100_000_000, 10))
    mark = per_lot(START)
    pool = Pool(now=engine.head.timestamp, block=engine.head.number, epoch=2, junior_since=2)
    told = desk.pool.call.market(MARKET)
    pool.list_market(
        Market(
            tiers,
            size_decimals=told.size_decimals,
            max_age=60,
            open_interest_cap=told.open_interest_cap,
            mark=mark,
            previous_mark=mark,
            index=mark,
            updated_at=told.updated_at,
            epoch=2,
        )
    )
    model = Vault(
        pool,
        parent=pool.open_account("vault", protocol=True),
        child=pool.open_account("vault", protocol=True),
        at_risk=AT_RISK,
        lock=LOCK,
    )
    for usd in (1_000_000, 50_000, 0, 0):
        account = pool.open_account("trader")
        if usd:
            pool.deposit(account, usd * UNITS_PER_USD)
    assert (model.parent, model.child) == (house.parent, house.child)
    assert desk.pool.call.epoch() == pool.epoch
    yield Twin(house, owners, model)
    engine.revert(token)


@pytest.fixture
def twin(deployed: Twin) -> Twin:
    return replace(deployed, model=deployed.model.copy())


# --- a story, then random calls ------------------------------------------------------------------


def test_a_life_of_a_vault(twin: Twin) -> None:
    twin.deposit(0, 123_456_789_123)
    twin.top_up()
    twin.advance(1_000, LOCK)
    twin.deposit(1, 77_000_000_001)
    twin.inherit(1_234_567)
    twin.request(0, 37)
    twin.advance(950)
    twin.withdraw()
    twin.give(3)
    twin.settle(5)
    twin.claim(0)
    twin.advance(900)
    twin.request(0, 50)
    twin.advance(1_200, LOCK)
    twin.request(1, 100)
    twin.collect()
    twin.settle(5)
    twin.close()
    twin.advance(1_000, DAY)
    twin.top_up()
    twin.skim()
    twin.advance(1_000)
    twin.collect()
    twin.settle(5)

    assert twin.model.settled == 3
    assert all(twin.model.claimable.values())


def test_a_run_under_a_deficit(twin: Twin) -> None:
    twin.deposit(0, 600_000_000_000)
    twin.deposit(1, 300_000_000_001)
    twin.top_up()
    twin.advance(1_000, LOCK)
    twin.default(700_000 * USD + 1)
    twin.request(0, 100)
    twin.request(1, 60)
    twin.advance(1_000, custody.CURE_TIME)
    for _ in range(3):
        twin.collect()
        twin.settle(5)
        twin.advance(1_000)
    claimed = dict(twin.model.claimable)
    assert all(claimed.values())
    assert twin.model.pool.deficit

    twin.cover(10**12)
    twin.skim()
    twin.collect()
    twin.advance(1_000)
    twin.collect()
    twin.settle(5)
    assert not twin.model.queue


def test_a_total_loss(twin: Twin) -> None:
    twin.deposit(0, 1_000_000_000)
    twin.top_up()
    twin.lose(twin.model.pool.equity(twin.model.child), parents=False)
    twin.lose(twin.model.pool.equity(twin.model.parent), parents=True)
    twin.advance(1_000, LOCK)
    twin.request(0, 100)
    twin.deposit(1, 5_000_000_000)
    twin.advance(1_000, LOCK)
    twin.request(1, 100)
    twin.advance(1_000)
    twin.collect()
    twin.settle(1)
    twin.settle(1)

    assert twin.model.claimable[twin.owners[0]] == 0
    assert twin.model.claimable[twin.owners[1]] == 5_000_000_000 - 1


def test_what_the_last_one_leaves_behind(twin: Twin) -> None:
    twin.deposit(0, 100_000_000)
    twin.advance(1_000, LOCK)
    twin.request(0, 100)
    twin.advance(1_000)
    twin.collect()
    twin.settle(1)
    twin.inherit(1_000)
    twin.win(30 * USD)
    twin.deposit(1, 10**7)
    assert twin.model.balances[twin.owners[1]] > MIN_ISSUED


who = st.integers(0, 1)
units = st.integers(0, 10**12) | st.integers(10**7 - 1, 10**7 + 1) | st.sampled_from((2**64, 2**66))
moves = st.sampled_from((900, 980, 999, 1_000, 1_001, 1_020, 1_100))
amounts = st.integers(1, 10**5 * USD) | st.integers(1, 10 * QUOTE_PER_UNIT)
CALLS = {
    "deposit": st.tuples(who, units),
    "request": st.tuples(who, st.sampled_from((0, 1, 33, 50, 100, 101))),
    "collect": st.tuples(),
    "settle": st.tuples(st.integers(0, 3)),
    "claim": st.tuples(who),
    "redeem": st.tuples(who, st.integers(1, 100), moves),
    "withdraw": st.tuples(),
    "give": st.tuples(st.integers(0, 10**9)),
    "top_up": st.tuples(),
    "skim": st.tuples(),
    "inherit": st.tuples(st.integers(1, 10**7) | st.integers(-(10**7), -1)),
    "close": st.tuples(),
    "win": st.tuples(amounts),
    "default": st.tuples(amounts),
    "cover": st.tuples(st.integers(0, 10**11)),
    "advance": st.tuples(
        moves,
        st.sampled_from((1, 15, 70, DAY, LOCK, custody.CURE_TIME)),
    ),
}
FLAGS = {"lose": (st.tuples(amounts), "parents"), "hold": (st.tuples(), "held")}
OFTEN = ("redeem", "redeem", "redeem", "inherit", "advance", "collect", "settle")


@st.composite
def calls(draw: st.DrawFn) -> tuple[str, tuple[Any, ...], dict[str, bool]]:
    name = draw(st.sampled_from((*CALLS, *FLAGS, *OFTEN)))
    if name in FLAGS:
        args, flag = FLAGS[name]
        return name, draw(args), {flag: draw(st.booleans())}
    return name, draw(CALLS[name]), {}


@given(sequence=st.lists(calls(), min_size=5, max_size=30))
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_random_calls(
    deployed: Twin, sequence: list[tuple[str, tuple[Any, ...], dict[str, bool]]]
) -> None:
    twin = replace(deployed, model=deployed.model.copy())
    engine = twin.house.desk.engine
    token = engine.snapshot()
    try:
        twin.deposit(0, 10**11)
        twin.deposit(1, 10**11 // 3)
        twin.top_up()
        twin.advance(1_000, LOCK)
        twin.inherit(1_000_000)
        for name, args, flags in sequence:
            getattr(twin, name)(*args, **flags)
    finally:
        engine.revert(token)
