"""Where lots are shared, the keeper closes whoever is below zero, whatever others have left open.

Fee 0, maximum leverage 5, amounts in USD. Two losers are long 12 and 8 @ 100, against five
shorts of 4 lots each.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

import pytest

from spillway import sharing
from spillway.actors import share_closings
from spillway.actors.rankings import (
    GAS_ENROLLED,
    GAS_HOLDER,
    GAS_HOLDER_LEG,
    LIFETIME,
    READY,
    SCANNING,
)
from spillway.model.policies import SHARES, contract_name
from tests import bench as benches
from tests.bench import MAX_UINT, Bench
from tests.keepers import Shift, labels

if TYPE_CHECKING:
    from collections.abc import Callable

    from spillway.build import Artifacts
    from spillway.engines import Address, Engine

SHORTS = {"a": 100, "b": 200, "c": 400, "d": 800, "e": 1_600}
POLICY = "risk_aware_pro_rata"


@pytest.fixture
def deploy(
    engine: Engine, artifacts: Artifacts, admin: Address, keeper: Address
) -> Callable[[str], Bench]:
    """A venue with a policy, before the crash."""

    def deploy(policy: str) -> Bench:
        name = contract_name(policy)
        venue = benches.deploy(engine, artifacts, admin, keeper, policy=name)
        venue.list_at(100, 50)
        for name, usd in {"loser": 250, "second": 168, **SHORTS}.items():
            venue.open(name, usd)
        a = venue.accounts
        for name in "abc":
            venue.trade(a["loser"], a[name], 4, 100)
        for name in "de":
            venue.trade(a["second"], a[name], 4, 100)
        return venue

    return deploy


@pytest.fixture
def bench(deploy: Callable[[str], Bench]) -> Bench:
    return deploy(POLICY)


@pytest.fixture
def shift(bench: Bench, artifacts: Artifacts) -> Shift:
    return Shift(bench, artifacts, policy=POLICY)


@pytest.fixture
def by_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing fit into one transaction: 2 holders a scan."""
    worst = GAS_HOLDER + GAS_HOLDER_LEG + share_closings.QUOTA_GAS
    monkeypatch.setattr(share_closings, "GAS_CALL", 2 * (worst + GAS_ENROLLED))


def crash(bench: Bench) -> None:
    """At 74 the first owes 62 and the second 40."""
    bench.mark(76, 50)
    bench.mark(74, 50)
    assert [bench.equity(bench.accounts[name]) for name in ("loser", "second")] == [-62, -40]


def leave(bench: Bench, sender: Address, name: str, level: int, count: int) -> None:
    """Somebody opens a job, scans as it likes, and goes."""
    loser = bench.accounts[name]
    bench.adl.transact.open_jobs(loser, [0], sender=sender)
    if count:
        bench.adl.transact.scan(loser, 0, level, count, sender=sender)


def right(bench: Bench, name: str) -> int:
    assert bench.quota is not None
    return sharing.read(bench.adl, bench.pool, bench.quota, bench.accounts[name], 0).plan.level


def closed(bench: Bench) -> bool:
    """Both are flat, with nothing, and nobody else is below zero."""
    losers = [bench.accounts[name] for name in ("loser", "second")]
    assert [(bench.size(n), bench.equity(n)) for n in losers] == [(0, 0), (0, 0)]
    assert all(bench.equity(bench.accounts[name]) >= 0 for name in SHORTS)
    return bench.total_equity() == bench.cash()


@pytest.mark.parametrize("policy", SHARES)
def test_both_are_closed_in_one_block_one_after_the_other(
    deploy: Callable[[str], Bench], artifacts: Artifacts, policy: str
) -> None:
    bench = deploy(policy)
    crash(bench)
    receipts = Shift(bench, artifacts, policy=policy).block()
    assert labels(receipts)[-2:] == ["AdlShares.deleverage"] * 2
    assert closed(bench)
    assert not bench.pool.call.market(0).locked


@pytest.mark.usefixtures("by_pages")
def test_what_does_not_fit_into_one_transaction_is_done_by_pages(
    bench: Bench, shift: Shift
) -> None:
    crash(bench)
    steps = [label for label in labels(shift.block()) if label.startswith("AdlShares")]
    one = [f"AdlShares.{step}" for step in ("open_jobs", "scan", "close", "end_job")]
    assert [step for step, _ in groupby(steps)] == one * 2
    assert steps[:4] == ["AdlShares.open_jobs", *["AdlShares.scan"] * 3]
    assert closed(bench)
    assert not bench.pool.call.market(0).locked


@pytest.mark.parametrize("count", [0, 2, 4])
@pytest.mark.parametrize("name", ["loser", "second"])
def test_it_goes_on_with_a_job_that_somebody_left(
    bench: Bench, shift: Shift, outsider: Address, name: str, count: int
) -> None:
    crash(bench)
    leave(bench, outsider, name, 2**100, count)
    shift.block()
    assert closed(bench)
    assert not bench.pool.call.market(0).locked


def test_it_closes_by_quotas_that_somebody_else_has_found(
    bench: Bench, shift: Shift, outsider: Address
) -> None:
    crash(bench)
    leave(bench, outsider, "loser", right(bench, "loser"), MAX_UINT)
    assert sharing.job(bench.adl, bench.accounts["loser"], 0).phase == READY
    receipts = shift.block()
    assert "AdlShares.scan" not in labels(receipts)
    assert closed(bench)


@pytest.mark.parametrize("steps", [0, 1, 2])
def test_it_goes_on_with_a_closing_that_somebody_left(
    bench: Bench, shift: Shift, outsider: Address, steps: int
) -> None:
    crash(bench)
    loser = bench.accounts["loser"]
    leave(bench, outsider, "loser", right(bench, "loser"), MAX_UINT)
    bench.adl.transact.close(loser, steps, sender=outsider)
    assert sharing.job(bench.adl, loser, 0).serving == loser
    shift.block()
    assert closed(bench)
    assert not bench.pool.call.market(0).locked


def test_quotas_that_do_not_fit_any_more_are_found_again(
    bench: Bench, shift: Shift, outsider: Address
) -> None:
    """Both are shared before any is closed: the closing of the second runs dry, and goes on."""
    crash(bench)
    for name in ("loser", "second"):
        leave(bench, outsider, name, right(bench, name), MAX_UINT)
    bench.adl.transact.close(bench.accounts["loser"], MAX_UINT, sender=outsider)
    bench.adl.transact.close(bench.accounts["second"], MAX_UINT, sender=outsider)
    left = sharing.job(bench.adl, bench.accounts["second"], 0)
    assert (left.phase, left.serving) == (SCANNING, bench.accounts["second"])
    shift.block()
    assert closed(bench)
    shift.block()
    assert not bench.pool.call.market(0).locked


def test_a_job_whose_loser_is_saved_is_ended(bench: Bench, shift: Shift, outsider: Address) -> None:
    crash(bench)
    leave(bench, outsider, "loser", 0, 1)
    bench.deposit(bench.accounts["loser"], 1_000)
    bench.deposit(bench.accounts["second"], 1_000)
    assert labels(shift.block()) == ["AdlShares.end_job"]
    assert not bench.pool.call.market(0).locked


def test_a_closing_that_nobody_went_on_with_is_ended_when_it_expires(
    bench: Bench, shift: Shift, outsider: Address
) -> None:
    crash(bench)
    loser = bench.accounts["loser"]
    leave(bench, outsider, "loser", right(bench, "loser"), MAX_UINT)
    bench.adl.transact.close(loser, 1, sender=outsider)
    for _ in range(LIFETIME + 1):
        bench.engine.send_block([], bench.engine.head.timestamp + 1)
    receipts = shift.block()
    assert labels(receipts)[0] == "AdlShares.end_job"
    assert closed(bench)
