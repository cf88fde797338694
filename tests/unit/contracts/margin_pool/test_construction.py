"""What a pool may be made of, and what it is made with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.chain import refused
from tests.unit.contracts.margin_pool.stand import DEFICIT, FEES, NOBODY, PPM

if TYPE_CHECKING:
    from spillway.build import Artifacts
    from spillway.engines import Address, Engine

HIGHEST_FEE = PPM // 10 - 1


@pytest.mark.parametrize(
    "terms", [(0, 0, 1), (HIGHEST_FEE, 0, 1), (0, HIGHEST_FEE, 1), (450, 150, PPM - 1)]
)
def test_tells_its_fees_and_its_band(
    engine: Engine, artifacts: Artifacts, admin: Address, terms: tuple[int, int, int]
) -> None:
    pool = engine.deploy(artifacts["MarginPool"], *terms, sender=admin)

    assert pool.call.fees() == terms


@pytest.mark.parametrize(
    ("terms", "reason"),
    [
        ((HIGHEST_FEE + 1, 0, 1), "pool: fee too high"),
        ((0, HIGHEST_FEE + 1, 1), "pool: fee too high"),
        ((0, 0, 0), "pool: band out of range"),
        ((0, 0, PPM), "pool: band out of range"),
    ],
)
def test_refuses_fees_and_bands_out_of_range(
    engine: Engine,
    artifacts: Artifacts,
    admin: Address,
    terms: tuple[int, int, int],
    reason: str,
) -> None:
    with refused(reason):
        engine.deploy(artifacts["MarginPool"], *terms, sender=admin)


def test_begins_with_the_fee_account_and_the_deficit(
    engine: Engine, artifacts: Artifacts, admin: Address
) -> None:
    pool = engine.deploy(artifacts["MarginPool"], 0, 0, 1, sender=admin)

    assert pool.call.account_count() == 2
    assert pool.call.owner_of(FEES) == admin
    assert pool.call.owner_of(DEFICIT) == NOBODY
    assert all(pool.call.health(account).protocol for account in (FEES, DEFICIT))
    assert (pool.call.epoch(), pool.call.market_count()) == (1, 0)
