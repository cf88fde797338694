"""What a vault is built with, and the opening of its accounts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.chain import refused
from tests.unit.contracts.order_book.desk import BAND
from tests.unit.contracts.vault import house as houses
from tests.unit.contracts.vault.house import DAY, PPM, VAULT_ROLE, House, Params

if TYPE_CHECKING:
    from spillway.build import Artifacts
    from spillway.engines import Address


@pytest.mark.parametrize(
    ("params", "reason"),
    [
        (Params(at_risk=0), "vault: bad share at risk"),
        (Params(at_risk=PPM + 1), "vault: bad share at risk"),
        (Params(lock=365 * DAY + 1), "vault: bad lock"),
        (Params(shed_slice=0), "shedding: bad slice"),
        (Params(shed_slice=PPM + 1), "shedding: bad slice"),
        (Params(shed_band=BAND + 1), "shedding: bad band"),
    ],
)
def test_a_parameter_out_of_range_is_refused(
    house: House, artifacts: Artifacts, params: Params, reason: str
) -> None:
    with refused(reason):
        houses.deploy_vault(house.desk, artifacts, params)


@pytest.mark.parametrize("params", [Params(1, 0, 1, 0), Params(PPM, 365 * DAY, PPM, BAND)])
def test_the_ends_of_the_ranges_are_accepted(
    house: House, artifacts: Artifacts, params: Params
) -> None:
    vault = houses.deploy_vault(house.desk, artifacts, params)

    assert tuple(vault.call.params()) == params


def test_it_opens_two_accounts_of_the_protocol_that_it_owns(house: House) -> None:
    assert (house.vault.call.parent(), house.vault.call.backstop()) == (house.parent, house.child)
    for account in (house.parent, house.child):
        assert house.desk.owner_of(account) == house.vault.address
        assert house.desk.pool.call.health(account).protocol
        assert not house.desk.pool.call.is_senior(account)


def test_the_accounts_are_opened_once(house: House, outsider: Address) -> None:
    with refused("vault: already open"):
        house.vault.transact.open_accounts(sender=outsider)


def test_before_the_role_is_granted_there_is_nothing_to_open(
    house: House, artifacts: Artifacts, outsider: Address
) -> None:
    vault = houses.deploy_vault(house.desk, artifacts, Params())

    with refused("pool: wrong role"):
        vault.transact.open_accounts(sender=outsider)

    assert house.desk.pool.call.role_holder(VAULT_ROLE) == house.vault.address
    assert vault.call.backstop() == 0
