"""The book on its real pool, and accounts of its users."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.unit.contracts.order_book import desk as desks

if TYPE_CHECKING:
    from spillway.build import Artifacts
    from spillway.engines import Address, Contract, Engine

Desk = desks.Desk


@pytest.fixture(scope="package")
def desk(engine: Engine, artifacts: Artifacts, usdc: Contract) -> Desk:
    """A pool and a book with one market, marked at 100 USD."""
    return desks.deploy(engine, artifacts, usdc)


@pytest.fixture
def taking(desk: Desk, trader: Address) -> int:
    """The account of a trader who takes."""
    return desk.open_account(trader)


@pytest.fixture
def making(desk: Desk, maker: Address) -> int:
    """The account of a maker."""
    return desk.open_account(maker)


@pytest.fixture
def other(desk: Desk, depositor: Address) -> int:
    """The account of a second maker."""
    return desk.open_account(depositor)


@pytest.fixture
def long(desk: Desk, taking: int, making: int) -> int:
    """The taking account, long 1,000 lots from 100 USD against the maker."""
    desk.trade(taking, making, 1000, 100)
    return taking
