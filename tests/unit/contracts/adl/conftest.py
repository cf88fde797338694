"""A stage for auto-deleveraging, and the crowd of its simplest play."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

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
