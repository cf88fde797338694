"""The pool with its roles held by plain addresses, and accounts of its users."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.unit.contracts.margin_pool import stand as stands

if TYPE_CHECKING:
    from collections.abc import Iterator

    from spillway.build import Artifacts
    from spillway.engines import Address, Engine

Stand = stands.Stand


@pytest.fixture(scope="package")
def stand(engine: Engine, artifacts: Artifacts) -> Stand:
    """A pool with one market, marked at 100 USD; whoever is the cashier counts cash in and out."""
    return stands.deploy(engine, artifacts, cashier=engine.sender(15))


@pytest.fixture(autouse=True)
def conserved(stand: Stand, isolation: None) -> Iterator[None]:  # noqa: ARG001 (undone after this)
    """Whatever a test did: sizes cancel, quotes are the cash, lists and sums are exact."""
    yield
    assert stand.findings() == []


@pytest.fixture
def taking(stand: Stand, trader: Address) -> int:
    """The account of a trader, 10,000 USD in it."""
    return stand.open(trader, 10_000)


@pytest.fixture
def making(stand: Stand, maker: Address) -> int:
    """The account of a maker, 10,000 USD in it."""
    return stand.open(maker, 10_000)


@pytest.fixture
def other(stand: Stand, depositor: Address) -> int:
    """The account of somebody else, 10,000 USD in it."""
    return stand.open(depositor, 10_000)
