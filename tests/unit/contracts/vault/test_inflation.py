"""The first depositor can't make others' deposits round to nothing, and a total loss is no end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.unit.contracts.order_book.desk import QUOTE, UNIT
from tests.unit.contracts.vault.house import QUOTE_PER_UNIT, SHARES_PER_UNIT

if TYPE_CHECKING:
    from spillway.engines import Address
    from tests.unit.contracts.vault.house import House


def value(house: House, owner: Address) -> int:
    """Quote that an owner's shares would be redeemed for now."""
    total = house.vault.call.supply() + SHARES_PER_UNIT
    assets: int = house.vault.call.redeemable()
    worth: int = house.shares_of(owner) * assets // total
    return worth


def test_tokens_sent_to_the_vault_are_a_gift_to_all(
    funded: House, depositor: Address, second: Address, outsider: Address
) -> None:
    funded.desk.usdc.transact.mint(funded.vault.address, 500_000 * UNIT, sender=outsider)
    assert funded.vault.call.nav() == 1_500_000 * QUOTE
    assert 1_500_000 * QUOTE - value(funded, depositor) < 2 * QUOTE_PER_UNIT

    # The next deposit brings them to the parent.
    funded.deposit(second, 10)
    assert funded.vault.call.till() == 0
    assert funded.equity_of(funded.parent) == (970_000 + 500_000 + 10) * QUOTE


def test_a_gift_of_tokens_does_not_round_the_next_deposit_away(
    house: House, outsider: Address, depositor: Address
) -> None:
    house.deposit(outsider, 10)
    house.desk.usdc.transact.mint(house.vault.address, 1_000_000 * UNIT, sender=outsider)

    house.deposit(depositor, 10_000)

    assert 10_000 * QUOTE - value(house, depositor) <= 1_000_010 * QUOTE // 10**13 + QUOTE_PER_UNIT


@pytest.mark.parametrize("gift", [1_000, 1_000_000])
def test_a_gift_does_not_round_the_next_deposit_away(
    house: House, trading: int, outsider: Address, depositor: Address, gift: int
) -> None:
    # The attacker holds the only shares and makes them dear: an account of his is taken over.
    house.deposit(outsider, 10)
    house.hand_over(trading, 1000)
    house.take(trading, house.child, gift)

    house.deposit(depositor, 10_000)

    lost = 10_000 * QUOTE - value(house, depositor)
    # A share costs at most gift / 10**7 units: 10 USD bought that many million.
    assert 0 <= lost <= gift * QUOTE // 10**13 + 2 * QUOTE_PER_UNIT
    assert value(house, outsider) <= (gift + 10) * QUOTE


def test_a_gift_to_nobodys_shares_is_lost_to_the_giver(
    house: House, trading: int, outsider: Address
) -> None:
    house.hand_over(trading, 1000)
    house.take(trading, house.child, 1_000)

    house.deposit(outsider, 1_000)

    assert value(house, outsider) <= 1_000 * QUOTE


def test_after_a_total_loss_the_next_deposit_keeps_its_value(
    funded: House, trading: int, depositor: Address, second: Address
) -> None:
    funded.take(funded.parent, trading, 970_000)
    funded.take(funded.child, trading, 30_000)
    assert funded.vault.call.nav() == value(funded, depositor) == 0

    funded.deposit(second, 1_000)

    assert 1_000 * QUOTE - value(funded, second) in range(2 * QUOTE_PER_UNIT)
    assert value(funded, depositor) <= QUOTE_PER_UNIT


def test_claims_never_exceed_the_assets_after_a_loss(
    funded: House, trading: int, depositor: Address, second: Address
) -> None:
    funded.take(funded.parent, trading, 970_000)
    funded.take(funded.child, trading, 29_999)
    funded.deposit(second, 777)

    assert value(funded, depositor) + value(funded, second) <= funded.vault.call.nav()
    assert value(funded, second) <= 777 * QUOTE


def test_nothing_is_left_for_shares_that_nobody_holds_but_dust(
    house: House, depositor: Address, second: Address
) -> None:
    house.deposit(depositor, 12_345)
    house.deposit(second, 54_321)

    claims = value(house, depositor) + value(house, second)

    assert 0 <= house.vault.call.nav() - claims <= 2 * QUOTE_PER_UNIT
