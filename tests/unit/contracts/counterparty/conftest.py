"""A venue whose pool has 50,000 USD."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.unit.contracts.counterparty import house

if TYPE_CHECKING:
    from spillway.build import Artifacts
    from spillway.engines import Address, Engine
    from tests.bench import Bench


@pytest.fixture(scope="package")
def deployed(engine: Engine, artifacts: Artifacts, admin: Address, keeper: Address) -> Bench:
    """Deployed once; tests get a copy of what it remembers."""
    return house.deploy(engine, artifacts, admin, keeper)


@pytest.fixture
def empty(deployed: Bench) -> Bench:
    """The venue before anybody has opened the pool's account."""
    return replace(deployed, accounts={}, owners={})


@pytest.fixture
def bench(empty: Bench) -> Bench:
    """The venue with what its pool was given."""
    empty.open_pooled("pool", house.WORTH)
    return empty
