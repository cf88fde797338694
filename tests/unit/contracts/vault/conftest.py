"""The vault on its real venue, and accounts of traders."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.unit.contracts.vault import house as houses

if TYPE_CHECKING:
    from spillway.build import Artifacts
    from spillway.engines import Address, Contract, Engine

House = houses.House


@pytest.fixture(scope="package")
def house(engine: Engine, artifacts: Artifacts, usdc: Contract) -> House:
    """A vault with 3 % at risk and a lock of 4 days, empty, on a market marked at 100 USD."""
    return houses.deploy(engine, artifacts, usdc)


@pytest.fixture
def funded(house: House, depositor: Address) -> House:
    """The depositor's 1,000,000 USD, unlocked, and 30,000 of it in the child."""
    house.deposit(depositor, 1_000_000)
    house.unlock()
    house.top_up()
    return house


@pytest.fixture
def trading(house: House, trader: Address) -> int:
    """A rich account, of which positions come that the child inherits."""
    return house.desk.open_account(trader, 10_000_000)


@pytest.fixture
def making(house: House, maker: Address) -> int:
    """A rich account that quotes in the book."""
    return house.desk.open_account(maker, 10_000_000)


@pytest.fixture
def second(engine: Engine) -> Address:
    """Another depositor."""
    return engine.sender(9)
