"""A venue with providers in front of its vault."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from spillway.rules import FundParams, Layer
from tests.unit.contracts.liquidator import ward as wards

if TYPE_CHECKING:
    from spillway.build import Artifacts
    from spillway.engines import Address, Engine
    from tests.bench import Bench

# From half of maintenance on, for two thirds of what is left.
PROVIDERS = Layer("", below_num=1, below_den=2, share_num=2, share_den=3)


@pytest.fixture(scope="package")
def deployed(engine: Engine, artifacts: Artifacts, admin: Address, keeper: Address) -> Bench:
    """Deployed once; tests get a copy of what it remembers."""
    return wards.deploy(engine, artifacts, admin, keeper, providers=PROVIDERS, fund=FundParams())


@pytest.fixture
def bench(deployed: Bench) -> Bench:
    """A venue without fees: three markets of 10 % maintenance at 100, 50 and 20, a poor vault."""
    venue = replace(deployed, accounts={}, owners={})
    venue.open_backstop("child", 0)
    venue.open_fund("fund")
    return venue
