"""Known answers of Dango: book at the bankruptcy price, auto-deleveraging, insurance fund.

Source: left-curve, book/perps/4-liquidation-and-adl.md. Maintenance is 5 %; a liquidation pays
0.1 % of what it closes, at oracle and out of what equity is left, and closes no more than restores
maintenance. Where its fund goes below zero, ours pays what it has: here it has enough.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from spillway.rules import AdlRules, FundParams, Limit, LiquidationRules, Price, Trigger
from tests import bench as benches

if TYPE_CHECKING:
    from spillway.build import Artifacts
    from spillway.engines import Address, Engine
    from tests.bench import Bench

LIQUIDATION = LiquidationRules(limit=Limit.MARK, restoring=True, fee=1_000)
CLOSING = AdlRules(Trigger.UNRESTORED, Price.BANKRUPTCY, everyone=True, restoring=True, fee=1_000)
ENTRY, OTHERS = 2_000, 10_000


@dataclass(frozen=True)
class Case:
    """An account `lots` long (or short) at 2,000 when the oracle says `oracle`.

    `bids` are the lots that the book takes at the oracle's price. Then: `left` lots, what account
    and counterparty have as margin (equity, with the open lots at their entry), and how much the
    fund has gained.
    """

    lots: int
    margin: int
    oracle: int
    book: int
    left: int
    alice: str
    bob: str
    fund: str


CASES = {
    "the book restores a long": Case(10, 2_180, 1_800, 8, 2, "565.60", "10000", "14.40"),
    "winners restore a long": Case(10, 2_180, 1_800, 0, 2, "421.60", "11744", "14.40"),
    "the fund pays the book's loss": Case(10, 2_800, 1_700, 10, 0, "0", "10000", "-200"),
    "winners pay what a long owes": Case(10, 2_800, 1_700, 0, 0, "0", "12800", "0"),
}


@pytest.fixture
def bench(engine: Engine, artifacts: Artifacts, admin: Address, keeper: Address) -> Bench:
    """Dango's rules, one market of 5 % maintenance."""
    venue = benches.deploy(
        engine,
        artifacts,
        admin,
        keeper,
        liquidation=LIQUIDATION,
        fund=FundParams(),
        closing=CLOSING,
    )
    venue.list_market(10)
    return venue


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_dango(bench: Bench, case: Case) -> None:
    bench.mark(ENTRY)
    fund = bench.open_fund("fund", 1_000)
    alice, bob = bench.open("alice", case.margin), bench.open("bob", OTHERS)
    bench.trade(alice, bob, case.lots, ENTRY)
    bench.mark(case.oracle)
    if case.book:
        bench.place(bench.open("maker", 10**6), case.book, case.oracle)

    bench.liquidate(alice)
    if not case.book:
        bench.deleverage(alice)

    def margin(account: int) -> Decimal | int:
        return bench.equity(account) + bench.size(account) * (ENTRY - case.oracle)

    assert bench.size(alice) == case.left
    assert (margin(alice), margin(bob)) == (Decimal(case.alice), Decimal(case.bob))
    assert bench.equity(fund) - 1_000 == Decimal(case.fund)
    assert bench.total_equity() == bench.cash()


def test_the_fee_is_paid_out_of_what_all_winners_have_left(bench: Bench) -> None:
    """Prices count on all of a loser's equity: a fee between two fills would leave it owing."""
    bench.mark(ENTRY)
    fund = bench.open_fund("fund")
    alice = bench.open("alice", 2_810)
    for name in ("bob", "carol"):
        bench.trade(alice, bench.open(name, OTHERS), 5, ENTRY)
    # Equity 10 of 850 that are needed: all is closed, for 10 * 0.1 % of 17,200 at most.
    bench.mark(1_720)
    bench.liquidate(alice)
    bench.deleverage(alice)
    assert bench.at(alice) == (0, 0)
    assert bench.equity(fund) == 0
    assert [bench.equity(bench.accounts[n]) for n in ("bob", "carol")] == [11_405, 11_405]
