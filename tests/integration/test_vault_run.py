"""A run on the vault during a crash: possible, safe for those who stay, harmless to others.

One market, fee 0, maximum leverage 20: maintenance 2.5 %. Amounts are USD. The vault has
1,000,000 of three depositors, 30,000 of it in the backstop. L is long 15,000 lots from 100
against W.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from spillway.errors import Reverted
from tests import bench as benches
from tests.bench import (
    DEFICIT,
    MAX_UINT,
    UNITS,
    USD,
    Bench,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from spillway.build import Artifacts
    from spillway.engines import Address, Contract, Engine, Receipt

DAY = 24 * 60 * 60
LOCK = 4 * DAY
CURE_TIME = 7 * DAY
PARAMS = (30_000, LOCK, 300_000, 10_000)  # sheds in slices of 30 % within 1 % of mark
DEPOSITS = {"first": 400_000, "second": 400_000, "third": 200_000}
DUST = Decimal(5) / UNITS


@dataclass
class Story:
    """A venue with a real vault, its depositors by name."""

    bench: Bench
    vault: Contract
    depositors: dict[str, Address]

    @property
    def child(self) -> int:
        return self.bench.accounts["C"]

    def deposit(self, name: str, usd: int) -> Receipt:
        owner, usdc = self.depositors[name], self.bench.usdc.transact
        usdc.mint(owner, usd * UNITS, sender=owner)
        usdc.approve(self.vault.address, MAX_UINT, sender=owner)
        receipt: Receipt = self.vault.transact.deposit(usd * UNITS, sender=owner)
        return receipt

    def request(self, *names: str) -> None:
        """Everyone asks for all shares."""
        for name in names:
            owner = self.depositors[name]
            shares = self.vault.call.balance_of(owner)
            self.vault.transact.request_redemption(shares, sender=owner)

    def keep(self, function: str, *args: Any) -> Receipt:
        """A keeper calls the vault."""
        receipt: Receipt = getattr(self.vault.transact, function)(*args, sender=self.bench.keeper)
        return receipt

    def claim(self, names: Iterable[str]) -> dict[str, Decimal]:
        """Everyone is paid; USD in their hands."""
        for name in names:
            self.keep("claim", self.depositors[name])
        return {name: self.wallet(name) for name in names}

    def wallet(self, name: str) -> Decimal:
        return Decimal(self.bench.usdc.call.balanceOf(self.depositors[name])) / UNITS

    def usd(self, view: str) -> Decimal:
        """A view of the vault that is quote, in USD."""
        return Decimal(getattr(self.vault.call, view)()) / USD

    def till(self) -> Decimal:
        return Decimal(self.vault.call.till()) / UNITS

    def check_sums(self) -> None:
        """I-1 and I-2, and the tokens behind them."""
        bench = self.bench
        count = bench.pool.call.account_count()
        assert sum(bench.size(account) for account in range(1, count + 1)) == 0
        assert bench.total_equity() == bench.cash()
        held = bench.usdc.call.balanceOf(bench.custody.address)
        assert Decimal(held) / UNITS == bench.cash()


def refusal(story: Story, function: str, *args: Any) -> str:
    """Why the vault refuses a keeper's call."""
    with pytest.raises(Reverted) as caught:
        story.keep(function, *args)
    return caught.value.reason


def near(got: Decimal, due: Decimal | int) -> bool:
    """Whether an amount is what is due, less at most a few units of rounding."""
    return 0 <= due - got <= DUST


def wire(engine: Engine, artifacts: Artifacts, admin: Address, keeper: Address) -> Bench:
    """Deploy the whole waterfall around a real vault."""
    bench = benches.deploy(engine, artifacts, admin, keeper, vault_params=PARAMS)
    opened = bench.backstop.transact.open_accounts(sender=keeper).named("AccountsOpened")[0]
    bench.accounts |= {"parent": opened.parent, "C": opened.child}
    return bench


@pytest.fixture(scope="module")
def opened(engine: Engine, artifacts: Artifacts, admin: Address, keeper: Address) -> Story:
    bench = wire(engine, artifacts, admin, keeper)
    depositors = {name: engine.sender(30 + i) for i, name in enumerate((*DEPOSITS, "fourth"))}
    story = Story(bench, bench.backstop, depositors)
    bench.list_market(max_leverage=20)
    bench.mark(100)
    for name, usd in DEPOSITS.items():
        story.deposit(name, usd)
    story.keep("top_up")
    engine.send_block([], engine.head.timestamp + LOCK)
    bench.mark(100)
    for name, usd in {"L": 100_000, "W": 1_000_000, "N": 1_000_000, "S": 50_000}.items():
        bench.open(name, usd)
    bench.trade(bench.accounts["L"], bench.accounts["W"], 15_000, 100)
    return story


@pytest.fixture
def story(opened: Story) -> Story:
    """The backstop has taken L over at 94.5, with the 17,500 that L had left."""
    bench = opened.bench
    assert bench.equity(opened.child) == 30_000
    bench.mark("94.5")
    bench.liquidate(bench.accounts["L"])
    assert bench.size(opened.child) == 15_000
    assert bench.equity(opened.child) == 47_500
    assert opened.usd("nav") == 1_017_500
    return replace(opened, depositors=dict(opened.depositors))


def test_who_runs_is_paid_without_the_child_in_trouble_and_who_stays_keeps_it(
    story: Story,
) -> None:
    bench, a = story.bench, story.bench.accounts
    bench.mark(93)  # equity 25,000, maintenance 34,875
    story.request("first", "second")
    with pytest.raises(Reverted, match="vault: child below maintenance"):
        story.deposit("fourth", 1_000)
    assert refusal(story, "top_up") == "vault: child below maintenance"
    assert refusal(story, "settle", 64) == "vault: wait for an epoch"

    bench.mark(92)
    bench.liquidate(story.child)  # the child only sheds: nothing happens
    story.keep("collect")
    story.keep("settle", 64)
    paid = story.claim(("first", "second"))
    assert all(near(usd, 388_000) for usd in paid.values())  # 40 % of 970,000 each
    story.check_sums()

    bench.mark(91)
    assert bench.equity(story.child) == -5_000
    bench.deleverage(story.child)  # W is closed at the previous mark: it gives 15,000 of its profit
    assert bench.size(story.child) == 0
    assert bench.equity(story.child) == 10_000
    assert bench.size(a["W"]) == 0
    assert bench.equity(a["W"]) == 1_120_000
    assert bench.equity(a["S"]) == 50_000

    # Who stayed owns what is left, and may leave too, with the child's capital.
    assert 0 <= story.usd("nav") - 204_000 <= DUST
    story.deposit("fourth", 1_000)
    story.keep("skim")
    story.request("third")
    bench.mark(91)
    story.keep("collect")
    story.keep("settle", 64)
    story.keep("skim")
    story.keep("collect")
    bench.mark(91)
    story.keep("collect")
    story.keep("settle", 64)
    assert near(story.claim(["third"])["third"], 204_000 + DUST)
    assert near(story.usd("nav"), 1_000 + DUST)
    story.check_sums()


def test_everyone_runs_and_what_the_child_saves_comes_later(story: Story) -> None:
    bench = story.bench
    bench.mark("94.1")  # equity 41,500 of maintenance 35,287.5: the child counts
    story.request(*DEPOSITS)
    bench.mark("94.1")
    story.keep("collect")
    story.keep("settle", 64)
    # First come, first served: the parent's 970,000 pay two and a part of the third.
    paid = {name: story.vault.call.claimable(story.depositors[name]) for name in DEPOSITS}
    due = Decimal(1_011_500)
    assert near(Decimal(paid["first"]) / UNITS, due * 4 / 10)
    assert near(Decimal(paid["second"]) / UNITS, due * 4 / 10)
    assert sum(paid.values()) == 970_000 * UNITS
    assert story.vault.call.queue()[:2] == (2, 3)

    # The child sheds into the book, epoch after epoch; then its capital flows back.
    maker = bench.accounts["N"]
    bench.place(maker, 15_000, 94)
    for _ in range(40):
        if not bench.size(story.child):
            break
        bench.mark("94.1")
        story.keep("shed", 0)
    assert bench.size(story.child) == 0
    assert bench.equity(story.child) == 40_000  # 0.1 a lot less than mark
    story.keep("skim")
    story.keep("collect")
    bench.mark(94)
    story.keep("collect")
    story.keep("settle", 64)

    wallets = story.claim(DEPOSITS)
    assert near(wallets["third"], Decimal(1_010_000) - due * 8 / 10 + DUST)
    assert story.vault.call.supply() == 0
    assert story.usd("nav") <= DUST
    story.check_sums()


def test_a_run_under_a_deficit_pays_all_alike_once_it_is_old(story: Story) -> None:
    bench, a = story.bench, story.bench.accounts
    bench.mark(90)  # the child is at -20,000, and W leaves before anyone acts
    bench.trade(a["W"], a["N"], 15_000, 90)
    bench.liquidate(story.child)
    bench.deleverage(story.child)
    assert bench.quote(DEFICIT) == -20_000
    assert bench.size(story.child) == 0
    assert bench.equity(story.child) == 0

    story.request(*DEPOSITS)
    bench.mark(90)
    assert refusal(story, "collect") == "custody: deficit stands"
    # S was flat all the time: it is paid at once and in full.
    bench.withdraw(a["S"], 50_000)
    bench.mark(90)
    bench.pay_out(a["S"])

    bench.engine.send_block([], bench.engine.head.timestamp + CURE_TIME)
    bench.mark(90)
    cash, owed = Decimal(3_100_000), Decimal(20_000)
    share = cash / (cash + owed)
    assert near(story.usd("redeemable"), 970_000 * share)
    for _ in range(3):
        if story.vault.call.queue()[2] and bench.custody.call.request_of(a["parent"])[0]:
            story.keep("collect")
        if story.vault.call.queue()[2] and story.till():
            story.keep("settle", 64)
        bench.mark(90)

    wallets = story.claim(DEPOSITS)
    for name, usd in DEPOSITS.items():
        assert near(wallets[name], usd * Decimal("0.97") * share)
    # The winner that waited gets the same share: there was nothing to be gained by running first.
    bench.withdraw(a["W"], 1_150_000)
    bench.mark(90)
    owner = bench.owners[a["W"]]
    before = bench.usdc.call.balanceOf(owner)
    bench.custody.transact.withdraw(a["W"], sender=owner)
    got = Decimal(bench.usdc.call.balanceOf(owner) - before) / UNITS
    assert abs(got - 1_150_000 * share) <= DUST
    story.check_sums()


def test_a_long_queue_is_paid_page_by_page_in_its_order(story: Story) -> None:
    bench = story.bench
    names = [f"depositor {i}" for i in range(12)]
    bench.mark(100)  # the child is well again
    for i, name in enumerate(names):
        story.depositors[name] = bench.engine.sender(40 + i)
        story.deposit(name, 10_000 + i)
    nav, supply = story.usd("nav"), story.vault.call.supply()
    bench.engine.send_block([], bench.engine.head.timestamp + LOCK)
    bench.mark(99)  # 15,000 lost
    story.request(*names)
    bench.mark(99)
    story.keep("collect")

    settled = []
    while story.vault.call.queue()[2]:
        settled += story.keep("settle", 5).named("SharesRedeemed")

    assert [each.depositor for each in settled] == [story.depositors[name] for name in names]
    assert [each.number for each in settled] == list(range(12))
    for each in settled:
        due = (nav - 15_000) * each.shares / supply
        assert abs(Decimal(each.units) / UNITS - due) <= DUST
    # One whose token transfer fails does not stand in the others' way.
    bench.usdc.transact.behave(8, sender=bench.admin)
    assert refusal(story, "claim", story.depositors[names[0]]) == "usdc: transfers are off"
    bench.usdc.transact.behave(1, sender=bench.admin)
    story.claim(names)
    story.check_sums()
