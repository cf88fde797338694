"""A Lens on the pool alone: what needs neither book nor queue."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.unit.contracts.margin_pool import stand as stands

if TYPE_CHECKING:
    from spillway.build import Artifacts
    from spillway.engines import Contract, Engine

Stand = stands.Stand


@pytest.fixture(scope="package")
def stand(engine: Engine, artifacts: Artifacts) -> Stand:
    """A pool with one market, marked at 100 USD."""
    return stands.deploy(engine, artifacts, cashier=engine.sender(15))


@pytest.fixture(scope="package")
def glass(stand: Stand, artifacts: Artifacts) -> Contract:
    """A Lens on that pool; there is no book and no queue behind it."""
    pool = stand.pool.address
    return stand.engine.deploy(artifacts["Lens"], pool, pool, pool, sender=stand.admin)
