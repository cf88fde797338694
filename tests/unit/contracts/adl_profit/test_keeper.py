"""The keeper of a venue where profits bear losses: in one call, or page by page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from spillway import presets
from spillway.actors import profit_closings
from tests.keepers import Shift, labels
from tests.unit.contracts.adl_profit.crowd import (
    close,
    crash,
    equities,
    gather,
    is_idle,
    lost,
    outcomes,
    ruin,
)
from tests.unit.contracts.hand import START, sums_hold, swap

if TYPE_CHECKING:
    from spillway.build import Artifacts
    from tests.bench import Bench
    from tests.unit.contracts.adl_profit.conftest import Deploy

DERIBIT = presets.load(presets.find("deribit")).adl
NAMES = ("long", "near", "far", "child")
MANY = 90


def shift(bench: Bench, artifacts: Artifacts) -> Shift:
    return Shift(bench, artifacts, liquidates=False, rules=DERIBIT)


def add_second(bench: Bench) -> None:
    """One more loser: at 88 it owes 50, and `near` has made 60 more."""
    bench.open("second", 10)
    swap(bench, bench.accounts["second"], bench.accounts["near"], 5, 100)


def crowd(bench: Bench) -> None:
    """Shorts of one lot each, sold to the long for more and more."""
    bench.deposit(bench.accounts["long"], 10_000)
    for number in range(MANY):
        holder = bench.open(f"holder {number}", 100, owner=bench.keeper)
        swap(bench, bench.accounts["long"], holder, 1, 100 + number % 7)


def test_it_closes_all_losers_in_one_call(deploy: Deploy, artifacts: Artifacts) -> None:
    bench = deploy()
    a = gather(bench)
    add_second(bench)
    crash(bench)
    keeper = shift(bench, artifacts)
    receipts = keeper.block()
    assert labels(receipts) == ["AdlProfit.close"]
    assert outcomes(*receipts) == {a["loser"]: (70, 0, 70, 0), a["second"]: (50, 0, 50, 0)}
    assert keeper.block() == []
    assert is_idle(bench)
    assert sums_hold(bench)


@pytest.mark.parametrize("gas", [1_000_000, 2_500_000])
def test_a_crowd_is_charged_page_by_page_in_one_block(
    deploy: Deploy, artifacts: Artifacts, monkeypatch: pytest.MonkeyPatch, gas: int
) -> None:
    monkeypatch.setattr(profit_closings, "GAS_CALL", gas)
    bench = deploy()
    a = gather(bench)
    crowd(bench)
    add_second(bench)
    crash(bench)
    receipts = shift(bench, artifacts).block()
    told = labels(receipts)
    assert told[0] == "AdlProfit.close"
    assert set(told[1:]) == {"AdlProfit.proceed"}
    assert len(told) > MANY * 60_000 // gas
    assert all(receipt.gas_used <= gas for receipt in receipts[1:])
    closed = outcomes(*receipts)
    assert {n: each[-1] for n, each in closed.items()} == {a["loser"]: 0, a["second"]: 0}
    assert is_idle(bench)
    assert sums_hold(bench)


@pytest.mark.parametrize(
    ("steps", "calls"), [(0, 2), (1, 2), (5, 2), (6, 1), (7, 1), (8, 0)], ids=str
)
def test_it_goes_on_with_a_job_that_somebody_has_left(
    deploy: Deploy, artifacts: Artifacts, steps: int, calls: int
) -> None:
    """6 places and 2 payments; then the other loser is closed in the same block."""
    bench = deploy()
    a = gather(bench)
    add_second(bench)
    crash(bench)
    before = equities(bench, *NAMES)
    close(bench, a["loser"], steps=steps)
    receipts = shift(bench, artifacts).block()
    assert is_idle(bench)
    assert labels(receipts) == ["AdlProfit.proceed"] * calls + ["AdlProfit.close"]
    assert bench.at(a["loser"]) == bench.at(a["second"]) == (0, 0)
    assert sum(lost(bench, before, *NAMES)) == 120
    assert sums_hold(bench)


def test_a_job_that_has_run_out_of_profit_is_ended(deploy: Deploy, artifacts: Artifacts) -> None:
    bench = deploy()
    a = gather(bench)
    crash(bench)
    ruin(bench, a["loser"], 200, a["far"])
    close(bench, a["loser"], steps=5 + 2)
    assert bench.adl.call.job(0).next == 2
    receipts = shift(bench, artifacts).block()
    assert labels(receipts) == ["AdlProfit.proceed"]
    assert outcomes(*receipts) == {a["loser"]: (270, 0, 120, 150)}
    assert is_idle(bench)


@pytest.mark.parametrize("bound", ["MOST_LEGS_CHARGED", "MOST_LOSERS"])
def test_losers_of_many_calls_have_one_job(
    deploy: Deploy, artifacts: Artifacts, monkeypatch: pytest.MonkeyPatch, bound: str
) -> None:
    monkeypatch.setattr(profit_closings, bound, 1)
    bench = deploy()
    gather(bench)
    add_second(bench)
    crash(bench)
    receipts = shift(bench, artifacts).block()
    assert labels(receipts) == ["AdlProfit.close"] * 2 + ["AdlProfit.proceed"] * 2
    assert sum(len(each.named("CollectionBegun")) for each in receipts) == 1
    assert len(outcomes(*receipts)) == 2
    assert is_idle(bench)


def test_every_market_of_a_call_is_gone_on_with(
    deploy: Deploy, artifacts: Artifacts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(profit_closings, "GAS_CALL", 10**6)
    bench = deploy()
    for name, usd in {"loser": 100, "first": 1_000, "third": 1_000}.items():
        bench.open(name, usd)
    bench.open_backstop("child", 100)
    a = bench.accounts
    swap(bench, a["loser"], a["first"], 2, 100)
    swap(bench, a["third"], a["loser"], 10, 20, market=2)
    bench.mark(80, START[1], 29)
    receipts = shift(bench, artifacts).block()
    assert labels(receipts) == ["AdlProfit.close"] + ["AdlProfit.proceed"] * 4
    assert is_idle(bench)
