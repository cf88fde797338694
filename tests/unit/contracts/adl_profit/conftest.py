"""A venue that charges losses on profit; the hand is the liquidator, and passes positions on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from spillway.rules import ProfitRules
from tests.bench import LIQUIDATOR
from tests.unit.contracts import hand as hands

if TYPE_CHECKING:
    from collections.abc import Callable

    from spillway.build import Artifacts
    from spillway.engines import Address, Engine
    from tests.bench import Bench

    Deploy = Callable[..., Bench]


@pytest.fixture
def deploy(engine: Engine, artifacts: Artifacts, admin: Address, keeper: Address) -> Deploy:
    """A venue with three markets at 100, 50 and 20, and nobody in it."""

    def deploy(**options: Any) -> Bench:
        told = {"role": LIQUIDATOR, "profit": ProfitRules(), **options}
        return hands.deploy(engine, artifacts, admin, keeper, **told)

    return deploy
