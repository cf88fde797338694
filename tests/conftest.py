"""What every test shares: the compiled contracts, a chain, the roles, and isolation.

Fixtures of wider scope deploy once; `isolation` puts the chain back after each test, so that a
test may do to it whatever it likes.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from spillway import engines
from spillway.build import Artifacts, build_all
from tests.chains import FASTEST

if TYPE_CHECKING:
    from collections.abc import Iterator

    from spillway.engines import Address, Contract, Engine

# The same examples in every run; HYPOTHESIS_PROFILE=explore looks for new ones.
settings.register_profile("repeat", deadline=None, derandomize=True)
settings.register_profile("explore", deadline=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeat"))


@pytest.fixture(scope="session")
def artifacts() -> Artifacts:
    """Every contract by its name, compiled from the sources as they stand."""
    return build_all()


@pytest.fixture(scope="session")
def engine() -> Engine:
    """The chain that the tests share; block 0 is at 20:00:00 UTC on 10 October 2025."""
    return engines.start(FASTEST, engines.Genesis(timestamp=1_760_126_400))


@pytest.fixture(autouse=True)
def isolation(engine: Engine) -> Iterator[None]:
    """Undo on the shared chain whatever the test does."""
    token = engine.snapshot()
    yield
    engine.revert(token)


@pytest.fixture(scope="session")
def admin(engine: Engine) -> Address:
    """Deploys the venue and grants the roles."""
    return engine.sender(0)


@pytest.fixture(scope="session")
def trader(engine: Engine) -> Address:
    """Takes positions."""
    return engine.sender(1)


@pytest.fixture(scope="session")
def maker(engine: Engine) -> Address:
    """Quotes both sides."""
    return engine.sender(2)


@pytest.fixture(scope="session")
def keeper(engine: Engine) -> Address:
    """Calls what anyone may call."""
    return engine.sender(3)


@pytest.fixture(scope="session")
def depositor(engine: Engine) -> Address:
    """Puts money into the vault."""
    return engine.sender(4)


@pytest.fixture(scope="session")
def outsider(engine: Engine) -> Address:
    """Has no role and no account."""
    return engine.sender(5)


@pytest.fixture(scope="session")
def reporter(engine: Engine) -> Address:
    """Posts prices."""
    return engine.sender(6)


@pytest.fixture(scope="session")
def usdc(engine: Engine, artifacts: Artifacts, admin: Address) -> Contract:
    """The token that stands for the collateral; honest until a test says otherwise."""
    return engine.deploy(artifacts["USDC"], sender=admin)
