"""A stage for auto-deleveraging, and the crowd of its simplest play."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.unit.contracts import hand as hands
from tests.unit.contracts.adl import stage as stages

if TYPE_CHECKING:
    from spillway.build import Artifacts
    from spillway.engines import Address, Engine
    from tests.bench import Bench


@pytest.fixture(scope="package")
def deployed(engine: Engine, artifacts: Artifacts, admin: Address, keeper: Address) -> Bench:
    """Deployed once; tests get a copy of what it remembers."""
    return stages.deploy(engine, artifacts, admin, keeper)


@pytest.fixture
def bench(deployed: Bench) -> Bench:
    """A venue with three markets at 100, 50 and 20, and nobody in it."""
    return replace(deployed, accounts={}, owners={})


@pytest.fixture
def crowd(bench: Bench) -> dict[str, int]:
    """The crowd before the crash, by name."""
    return stages.open_crowd(bench)


@pytest.fixture
def loser(bench: Bench, crowd: dict[str, int]) -> int:
    """The loser of the crowd, below zero."""
    stages.crash(bench)
    return crowd["loser"]


@pytest.fixture
def dry(bench: Bench) -> dict[str, int]:
    """A closing whose queue has run dry.

    Of the 10 lots enrolled for the loser, 4 belonged to one below zero who was closed by the other
    side's job. Behind stand near (4 lots) and far (4), without profit.
    """
    a = bench.accounts
    crowd = {"loser": 30, "front": 1_000, "gone": 1, "near": 30_000, "far": 90_000}
    for name, usd in {**crowd, "rich": 10_000, "pit": 1_000}.items():
        bench.open(name, usd)
    hands.swap(bench, a["loser"], a["front"], 6, 100)
    hands.swap(bench, a["rich"], a["gone"], 4, 100)
    hands.swap(bench, a["gone"], a["pit"], 1, 100, market=1)
    hands.swap(bench, a["pit"], a["gone"], 1, 50, market=1)
    hands.swap(bench, a["loser"], a["near"], 4, 80)
    hands.swap(bench, a["rich"], a["far"], 4, 80)
    bench.mark(89)
    bench.mark(89)
    assert bench.equity(a["loser"]) == 30 - 66 + 36
    bench.mark(89, funding=[1])
    assert bench.equity(a["loser"]) == -10
    assert bench.equity(a["gone"]) == 1 + 44 - 50 + 4 == -1
    plan = bench.plans(a["loser"])[0]
    stages.open_job(bench, a["loser"], threshold=plan.threshold)
    stages.scan(bench)
    stages.order(bench, plan.order)
    assert stages.job(bench).lots == 10
    stages.make_ready(bench, a["gone"])
    stages.close(bench, a["gone"])
    receipt = stages.close(bench, a["loser"])
    assert stages.fills(receipt) == [(a["front"], 6, 89, 1)]
    return a
