"""The oracle alone, and its arithmetic in the open."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.unit.contracts.oracle import feed as feeds

if TYPE_CHECKING:
    from spillway.build import Artifacts
    from spillway.engines import Address, Contract, Engine

Feed = feeds.Feed


@pytest.fixture(scope="package")
def feed(engine: Engine, artifacts: Artifacts) -> Feed:
    """An oracle that accrues funding at every update."""
    return feeds.deploy(engine, artifacts)


@pytest.fixture(scope="package")
def hourly_feed(engine: Engine, artifacts: Artifacts) -> Feed:
    """An oracle that accrues funding at the hours."""
    return feeds.deploy(engine, artifacts, hourly=True)


@pytest.fixture(scope="package")
def parts(engine: Engine, artifacts: Artifacts, admin: Address) -> Contract:
    """The internals of the oracle's modules."""
    return engine.deploy(artifacts["OracleParts"], sender=admin)
