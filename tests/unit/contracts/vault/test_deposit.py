"""Deposits: shares at net asset value, the lock, and when the price of a share is in doubt."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spillway.model.vault import (
    MAX_SUPPLY,
    MIN_ISSUED,
    VIRTUAL_ASSETS,
    VIRTUAL_SHARES,
)
from spillway.units import QUOTE_PER_UNIT
from tests.chain import refused
from tests.unit.contracts.order_book.desk import MAX_AGE, QUOTE, START, UNIT
from tests.unit.contracts.vault import house as houses
from tests.unit.contracts.vault.house import SHARES_PER_UNIT, Params

if TYPE_CHECKING:
    from spillway.build import Artifacts
    from spillway.engines import Address
    from tests.unit.contracts.vault.house import House


def test_the_first_deposit_sets_the_first_price(house: House, depositor: Address) -> None:
    house.fund(depositor, 100 * UNIT)

    receipt = house.vault.transact.deposit(100 * UNIT, sender=depositor)

    issued = receipt.named("SharesIssued")[0]
    assert (issued.depositor, issued.units) == (depositor, 100 * UNIT)
    assert issued.shares == 100 * UNIT * SHARES_PER_UNIT
    assert house.shares_of(depositor) == house.vault.call.supply() == issued.shares
    assert issued.unlocks_at == house.vault.call.unlocks_at(depositor)
    assert issued.unlocks_at == receipt.timestamp + house.vault.call.params().lock
    assert house.equity_of(house.parent) == house.vault.call.nav() == 100 * QUOTE
    assert house.balance_of(depositor) == house.balance_of(house.vault.address) == 0


def test_a_profit_makes_the_next_shares_dearer(
    funded: House, trading: int, second: Address
) -> None:
    funded.hand_over(trading, 1000)
    funded.take(trading, funded.child, 500_000)
    supply = funded.vault.call.supply()

    issued = funded.deposit(second, 3_000_000)

    nav = 1_500_000 * QUOTE
    total = supply + VIRTUAL_SHARES
    assert issued == 3_000_000 * QUOTE * total // (nav + VIRTUAL_ASSETS)
    # Two shares of the new for every one of the old, as 3 is to 1.5, less the rounding.
    assert abs(2 * supply - issued) < supply // 10**6


def test_net_asset_value_counts_parent_child_and_till(funded: House, trading: int) -> None:
    funded.hand_over(trading, 1000)  # 1 of the asset at 100
    funded.desk.set_mark(150)

    assert funded.equity_of(funded.parent) == 970_000 * QUOTE
    assert funded.equity_of(funded.child) == 30_050 * QUOTE
    assert funded.vault.call.nav() == funded.vault.call.redeemable() == 1_000_050 * QUOTE


def test_a_child_below_zero_counts_nothing(funded: House, trading: int) -> None:
    funded.hand_over(trading, 2_000_000)  # 200,000 USD on 30,000
    funded.desk.set_mark(84)  # 32,000 lost

    assert funded.equity_of(funded.child) == -2_000 * QUOTE
    assert funded.vault.call.nav() == funded.vault.call.redeemable() == 970_000 * QUOTE


def test_a_child_in_trouble_counts_but_not_for_redemptions(funded: House, trading: int) -> None:
    funded.hand_over(trading, 10_000_000)  # 1,000,000 USD; maintenance 2.5 %
    funded.desk.set_mark(99)  # equity 20,000, maintenance 24,750

    assert funded.vault.call.nav() == 990_000 * QUOTE
    assert funded.vault.call.redeemable() == 970_000 * QUOTE


def test_a_deposit_waits_until_the_child_is_sound(
    funded: House, trading: int, second: Address
) -> None:
    funded.hand_over(trading, 10_000_000)
    funded.desk.set_mark(99)
    with refused("vault: child below maintenance"):
        funded.deposit(second, 1_000)

    funded.desk.set_mark("99.5")  # equity 25,000, maintenance 24,875
    assert funded.deposit(second, 1_000) > 0


def test_a_flat_child_that_owes_stops_deposits(
    funded: House, trading: int, second: Address
) -> None:
    funded.take(funded.child, trading, 30_001)
    with refused("vault: child below maintenance"):
        funded.deposit(second, 1_000)

    funded.take(funded.parent, funded.child, 1)
    assert funded.deposit(second, 1_000) > 0


def test_a_deposit_needs_a_fresh_mark_of_the_childs_legs(
    funded: House, trading: int, second: Address
) -> None:
    funded.hand_over(trading, 1000)
    funded.desk.age(MAX_AGE + 1)
    with refused("vault: stale mark"):
        funded.deposit(second, 1_000)

    funded.desk.set_mark(START)
    assert funded.deposit(second, 1_000) > 0


def test_a_stale_market_of_others_does_not_matter(funded: House, second: Address) -> None:
    funded.desk.age(MAX_AGE + 1)

    assert funded.deposit(second, 1_000) > 0


def test_a_deposit_waits_for_deleveraging(funded: House, second: Address) -> None:
    pool, by = funded.desk.pool.transact, funded.desk.deleverager
    pool.hold_seniority(True, sender=by)
    with refused("vault: deleveraging is open"):
        funded.deposit(second, 1_000)

    pool.hold_seniority(False, sender=by)
    assert funded.deposit(second, 1_000) > 0


def test_a_deposit_waits_for_the_end_of_a_deficit(
    funded: House, trading: int, second: Address, outsider: Address
) -> None:
    loser = funded.desk.open_account(outsider, 0)
    funded.write_deficit(loser, trading, 500)
    with refused("vault: deficit stands"):
        funded.deposit(second, 1_000)

    usdc, custody = funded.desk.usdc.transact, funded.desk.custody
    usdc.mint(outsider, 500 * UNIT, sender=outsider)
    usdc.approve(custody.address, 500 * UNIT, sender=outsider)
    custody.transact.cover_deficit(500 * UNIT, sender=outsider)
    assert funded.deposit(second, 1_000) > 0


def test_ten_dollars_are_the_least(house: House, depositor: Address) -> None:
    house.fund(depositor, 10 * UNIT)
    with refused("vault: below minimum"):
        house.vault.transact.deposit(10 * UNIT - 1, sender=depositor)

    house.vault.transact.deposit(10 * UNIT, sender=depositor)


def test_an_amount_that_no_one_has_is_refused(house: House, depositor: Address) -> None:
    house.fund(depositor, 2**64)
    with refused("vault: amount too large"):
        house.vault.transact.deposit(2**64, sender=depositor)

    house.vault.transact.deposit(2**64 - 1, sender=depositor)


def test_a_deposit_that_would_round_away_is_refused(
    house: House, trading: int, depositor: Address
) -> None:
    # Nobody holds a share, and the child has won: a share would be worth millions of units.
    house.hand_over(trading, 1000)
    house.take(trading, house.child, 5_000_000)
    assets = 5_000_000 * QUOTE + VIRTUAL_ASSETS
    least = -(-MIN_ISSUED * assets // VIRTUAL_SHARES // QUOTE_PER_UNIT)
    house.fund(depositor, least)
    with refused("vault: below minimum"):
        house.vault.transact.deposit(least - 1, sender=depositor)

    house.vault.transact.deposit(least, sender=depositor)
    assert house.shares_of(depositor) == MIN_ISSUED


def test_the_supply_has_a_bound(house: House, depositor: Address, trading: int) -> None:
    # Each time that all is lost, old shares are worth nothing and new ones outnumber them.
    house.deposit(depositor, 1_000_000)
    house.take(house.parent, trading, 1_000_000)
    house.deposit(depositor, 1_000_000)
    house.take(house.parent, trading, 1_000_000)
    supply = house.vault.call.supply()
    assert 2 * supply * 10**12 > MAX_SUPPLY

    with refused("vault: too many shares"):
        house.deposit(depositor, 2_000_000)
    assert house.deposit(depositor, 10) + supply < MAX_SUPPLY


def test_a_deposit_locks_all_shares_of_its_owner_and_nobody_elses(
    funded: House, depositor: Address, second: Address
) -> None:
    funded.deposit(second, 1_000)
    with refused("vault: shares are locked"):
        funded.request(second)

    funded.request(depositor, funded.shares_of(depositor) // 2)
    funded.deposit(depositor, 10)
    with refused("vault: shares are locked"):
        funded.request(depositor)


def test_it_needs_open_accounts(house: House, artifacts: Artifacts, depositor: Address) -> None:
    unopened = houses.deploy_vault(house.desk, artifacts, Params())
    house.desk.usdc.transact.mint(depositor, 10 * UNIT, sender=depositor)
    house.desk.usdc.transact.approve(unopened.address, 10 * UNIT, sender=depositor)

    with refused("pool: not the owner"):
        unopened.transact.deposit(10 * UNIT, sender=depositor)

    assert house.balance_of(depositor) == 10 * UNIT
    assert house.deposit(depositor, 10) > 0


def test_what_redemptions_left_in_the_till_goes_back_to_the_parent(
    funded: House, depositor: Address, second: Address, trading: int
) -> None:
    # The price at the request, with the child in trouble, is below the price at the payment.
    funded.hand_over(trading, 10_000_000)
    funded.desk.set_mark(99)
    funded.request(depositor, funded.shares_of(depositor) // 2)
    funded.desk.set_mark(START)
    funded.collect()
    funded.desk.set_mark(START)
    funded.collect()
    funded.settle()
    left = funded.vault.call.till()
    parent = funded.equity_of(funded.parent)
    assert left > 10_000 * UNIT

    funded.deposit(second, 1_000)

    assert funded.vault.call.till() == 0
    assert funded.equity_of(funded.parent) == parent + 1_000 * QUOTE + left * QUOTE_PER_UNIT


def test_while_somebody_waits_a_deposit_leaves_the_till_alone(
    funded: House, depositor: Address, second: Address
) -> None:
    funded.request(depositor, funded.shares_of(depositor) // 2)
    funded.desk.set_mark(START)
    funded.collect()
    till, parent = funded.vault.call.till(), funded.equity_of(funded.parent)
    assert till == 500_000 * UNIT

    funded.deposit(second, 1_000)

    assert funded.vault.call.till() == till
    assert funded.equity_of(funded.parent) == parent + 1_000 * QUOTE
