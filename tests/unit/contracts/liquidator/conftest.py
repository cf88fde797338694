"""A ward for accounts in need."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.unit.contracts.liquidator import ward as wards

if TYPE_CHECKING:
    from spillway.build import Artifacts
    from spillway.engines import Address, Engine
    from tests.bench import Bench


@pytest.fixture(scope="package")
def deployed(engine: Engine, artifacts: Artifacts, admin: Address, keeper: Address) -> Bench:
    """Deployed once; tests get a copy of what it remembers."""
    return wards.deploy(engine, artifacts, admin, keeper)


@pytest.fixture
def bench(deployed: Bench) -> Bench:
    """A venue without fees, with three markets at 100, 50 and 20, and a backstop with 1,000 USD."""
    venue = replace(deployed, accounts={}, owners={})
    venue.open_backstop("child", 1_000)
    return venue


@pytest.fixture(scope="package")
def deployed_with_fees(
    engine: Engine, artifacts: Artifacts, admin: Address, keeper: Address
) -> Bench:
    """The same with a taker's fee of 450 ppm."""
    return wards.deploy(engine, artifacts, admin, keeper, taker_fee=450)


@pytest.fixture
def charging(deployed_with_fees: Bench) -> Bench:
    """A venue whose takers pay 450 ppm, and a backstop with 1,000 USD."""
    venue = replace(deployed_with_fees, accounts={}, owners={})
    venue.open_backstop("child", 1_000)
    return venue
