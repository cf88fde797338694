"""Custody on its real pool, and accounts of its users."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.unit.contracts.custody import till as tills

if TYPE_CHECKING:
    from collections.abc import Iterator

    from spillway.build import Artifacts
    from spillway.engines import Address, Contract, Engine

Till = tills.Till


@pytest.fixture(scope="package")
def till(engine: Engine, artifacts: Artifacts, usdc: Contract) -> Till:
    """A pool with one market, marked at 100 USD, its custody and the token."""
    return tills.deploy(engine, artifacts, usdc)


@pytest.fixture(autouse=True)
def conserved(till: Till, isolation: None) -> Iterator[None]:  # noqa: ARG001 (undone after this)
    """Whatever a test did: the sums are exact, and the token's balance covers what is counted."""
    yield
    assert till.stand.findings() == []
    assert till.held() >= till.counted()


@pytest.fixture
def saving(till: Till, depositor: Address) -> int:
    """A flat account with 500 USD in it."""
    return till.open(depositor, 500)


@pytest.fixture
def winning(till: Till, maker: Address) -> int:
    """An account with 300 USD in it, for somebody to lose against."""
    return till.open(maker, 300)
