"""A stage for sharing, and the steps of its jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from spillway import sharing
from tests.unit.contracts.adl import stage
from tests.unit.contracts.adl.stage import ALL

if TYPE_CHECKING:
    from spillway.build import Artifacts
    from spillway.engines import Address, Engine, Receipt
    from tests.bench import Bench


def deploy(
    engine: Engine,
    artifacts: Artifacts,
    admin: Address,
    keeper: Address,
    policy: str = "ContractsProRata",
    **options: Any,
) -> Bench:
    """A venue with three markets that shares, whose liquidator is the hand."""
    return stage.deploy(engine, artifacts, admin, keeper, policy=policy, **options)


def level(bench: Bench, loser: int, market: int = 0) -> int:
    """The right level for a leg."""
    assert bench.quota is not None
    return sharing.read(bench.adl, bench.pool, bench.quota, loser, market).plan.level


def open_jobs(bench: Bench, loser: int, *markets: int) -> Receipt:
    """Anyone opens jobs, that of market 0 unless told."""
    told = list(markets or (0,))
    receipt: Receipt = bench.adl.transact.open_jobs(loser, told, sender=bench.keeper)
    return receipt


def scan(
    bench: Bench,
    loser: int,
    at: int,
    count: int = ALL,
    market: int = 0,
    sender: Address | None = None,
) -> Receipt:
    """Anyone goes on with a draft of its own."""
    by = sender or bench.keeper
    receipt: Receipt = bench.adl.transact.scan(loser, market, at, count, sender=by)
    return receipt


def make_ready(bench: Bench, loser: int, *markets: int) -> None:
    """Open jobs, and scan all at the right levels."""
    open_jobs(bench, loser, *markets)
    for market in markets or (0,):
        scan(bench, loser, level(bench, loser, market), market=market)


def end_job(bench: Bench, loser: int, market: int = 0) -> Receipt:
    """Anyone ends a job."""
    receipt: Receipt = bench.adl.transact.end_job(loser, market, sender=bench.keeper)
    return receipt


def job(bench: Bench, loser: int, market: int = 0) -> sharing.Job:
    """The job of a leg."""
    return sharing.job(bench.adl, loser, market)


def entries(bench: Bench, loser: int, market: int = 0) -> list[tuple[int, int]]:
    """(account, quota or what it has won) of everyone in the queue of a job that is ready."""
    told = [bench.adl.call.entry(loser, market, rank) for rank in range(job(bench, loser).enrolled)]
    return [(2**32 - 1 - (each >> 24) % 2**32, (each >> 56) % 2**199) for each in told]
