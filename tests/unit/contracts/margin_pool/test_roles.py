"""Engine roles: granted once by the admin, each good for its own verbs, the admin's for none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from spillway.errors import Reverted
from tests.chain import refused
from tests.unit.contracts.margin_pool.stand import (
    ADL,
    BOOK,
    CUSTODY,
    FEES,
    FUND,
    LEVERS,
    LIQUIDATOR,
    NOBODY,
    ORACLE,
    USD,
    VAULT,
    Match,
    Stand,
)

if TYPE_CHECKING:
    from spillway.build import Artifacts
    from spillway.engines import Address, Contract, Engine

ROLES = (ORACLE, BOOK, LIQUIDATOR, ADL, VAULT, CUSTODY, FUND, LEVERS)

# Each verb of an engine, with arguments, and the roles that may use it.
VERBS: dict[str, tuple[tuple[Any, ...], int]] = {
    "credit": ((NOBODY, 3, 1), CUSTODY),
    "debit": ((3, 1, 1), CUSTODY),
    "rest": ((3, 0, 1, 0), BOOK),
    "fill": ((Match(0, 3, 4, True, 1, 100 * USD),), BOOK),
    "exchange": ((0, 3, 4, 1, 1), LIQUIDATOR | ADL),
    "pay": ((3, 4, 1), LIQUIDATOR | ADL),
    "socialize": ((0, True, 3, 1), LIQUIDATOR | ADL),
    "write_off": ((3,), LIQUIDATOR | ADL),
    "lock_market": ((0, True), ADL),
    "hold_seniority": ((True,), ADL),
    "open_protocol_account": ((), VAULT | FUND),
    "set_schedule": ((0, 1, 1), LEVERS),
    "set_open_interest_cap": ((0, 1), LEVERS),
    "advance": (([(0, USD, USD, 0)],), ORACLE),
}


@pytest.fixture
def pool(engine: Engine, artifacts: Artifacts, admin: Address) -> Contract:
    """A pool that has granted nothing."""
    return engine.deploy(artifacts["MarginPool"], 0, 0, 1, sender=admin)


@pytest.mark.parametrize("role", ROLES)
def test_the_admin_grants_a_role(
    pool: Contract, admin: Address, outsider: Address, role: int
) -> None:
    assert pool.call.role_holder(role) == NOBODY

    receipt = pool.transact.grant(role, outsider, sender=admin)

    assert pool.call.role_holder(role) == outsider
    assert [tuple(event) for event in receipt.named("RoleGranted")] == [(role, outsider)]


def test_one_engine_may_hold_several_roles(
    pool: Contract, admin: Address, outsider: Address
) -> None:
    for role in (LIQUIDATOR, ADL):
        pool.transact.grant(role, outsider, sender=admin)

    pool.transact.lock_market(0, True, sender=outsider)
    with refused("pool: same account"):
        pool.transact.pay(FEES, FEES, 1, sender=outsider)


@pytest.mark.parametrize("role", ROLES)
def test_a_role_is_granted_once(
    pool: Contract, admin: Address, outsider: Address, trader: Address, role: int
) -> None:
    pool.transact.grant(role, outsider, sender=admin)

    for holder in (trader, outsider):
        with refused("pool: role already granted"):
            pool.transact.grant(role, holder, sender=admin)


def test_only_the_admin_grants(pool: Contract, outsider: Address) -> None:
    with refused("pool: not the admin"):
        pool.transact.grant(ORACLE, outsider, sender=outsider)


@pytest.mark.parametrize("role", [0, ORACLE | BOOK, 2 * LEVERS, 2**255])
def test_what_is_no_role_is_not_granted(
    pool: Contract, admin: Address, outsider: Address, role: int
) -> None:
    with refused("pool: bad grant"):
        pool.transact.grant(role, outsider, sender=admin)


def test_nobody_can_not_hold_a_role(pool: Contract, admin: Address) -> None:
    with refused("pool: bad grant"):
        pool.transact.grant(ORACLE, NOBODY, sender=admin)


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_is_open_to_its_engines_alone(stand: Stand, outsider: Address, verb: str) -> None:
    args, allowed = VERBS[verb]
    callers = {role: stand.pool.call.role_holder(role) for role in ROLES}
    asked = getattr(stand.pool.call, verb)

    for role, caller in callers.items():
        if role & allowed:
            try:
                asked(*args, sender=caller)
            except Reverted as refusal:
                assert refusal.reason != "pool: wrong role"  # noqa: PT017 (any other is fine)
        else:
            with refused("pool: wrong role"):
                asked(*args, sender=caller)
    for caller in (stand.admin, outsider):
        with refused("pool: wrong role"):
            asked(*args, sender=caller)


def test_the_admin_can_not_touch_a_balance(stand: Stand, taking: int, making: int) -> None:
    own = stand.open(stand.admin, 5)
    before = stand.accounts()

    for source in (taking, making):
        with refused("pool: not the owner"):
            stand.pool.transact.transfer(source, own, 1, sender=stand.admin)
    with refused("pool: not the owner"):
        stand.pool.transact.set_leverage(taking, 0, 1, sender=stand.admin)
    for role in ROLES:
        with refused("pool: role already granted"):
            stand.pool.transact.grant(role, stand.admin, sender=stand.admin)

    assert stand.accounts() == before
