"""The child's capital: topped up by the day, and what it has too much flows back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.chain import refused
from tests.unit.contracts.order_book.desk import MAX_AGE, QUOTE, START
from tests.unit.contracts.vault import house as houses
from tests.unit.contracts.vault.house import DAY, PPM, SHARES_PER_UNIT, Params

if TYPE_CHECKING:
    from spillway.build import Artifacts
    from spillway.engines import Address, Contract, Engine
    from tests.unit.contracts.vault.house import House


def test_the_child_gets_its_share_of_the_net_asset_value(house: House, depositor: Address) -> None:
    house.deposit(depositor, 1_000_000)

    receipt = house.top_up()

    moved = receipt.named("ToppedUp")[0]
    assert (moved.amount, moved.capital) == (30_000 * QUOTE, 30_000 * QUOTE)
    assert house.equity_of(house.child) == house.vault.call.capital() == 30_000 * QUOTE
    assert house.equity_of(house.parent) == 970_000 * QUOTE
    assert house.vault.call.topped_up_at() == receipt.timestamp


def test_the_whole_vault_may_be_at_risk(
    engine: Engine, artifacts: Artifacts, usdc: Contract, depositor: Address
) -> None:
    house = houses.deploy(engine, artifacts, usdc, Params(at_risk=PPM))
    house.deposit(depositor, 1_000_000)

    house.top_up()

    assert house.equity_of(house.child) == 1_000_000 * QUOTE
    assert house.equity_of(house.parent) == 0


def test_it_is_topped_up_once_a_day(funded: House, trading: int) -> None:
    funded.take(funded.child, trading, 10_000)
    due = funded.vault.call.topped_up_at() + DAY
    call = funded.vault.build.top_up(sender=funded.anyone)

    early = funded.desk.engine.send(call, due - 1)
    in_time = funded.desk.engine.send(call, due)

    assert (early.success, early.reason) == (False, "vault: wait for a day")
    # 3 % of the 990,000 that are left, less the 20,000 that the child has.
    assert in_time.named("ToppedUp")[0].amount == 9_700 * QUOTE


def test_a_child_in_trouble_is_not_topped_up(funded: House, trading: int) -> None:
    funded.hand_over(trading, 10_000_000)
    funded.desk.age(DAY)
    funded.desk.set_mark(99)  # equity 20,000, maintenance 24,750
    with refused("vault: child below maintenance"):
        funded.top_up()

    funded.desk.set_mark("99.5")  # 25,000 and 24,875
    funded.top_up()


def test_nor_is_one_that_is_flat_and_owes(funded: House, trading: int) -> None:
    funded.take(funded.child, trading, 30_001)
    funded.desk.age(DAY)
    with refused("vault: child below maintenance"):
        funded.top_up()

    funded.take(funded.parent, funded.child, 1)
    funded.top_up()


def test_it_is_not_topped_up_by_stale_marks(funded: House, trading: int) -> None:
    funded.hand_over(trading, 1000)
    funded.desk.age(DAY)
    funded.desk.set_mark(90)
    funded.desk.age(MAX_AGE + 1)
    with refused("vault: stale mark"):
        funded.top_up()

    funded.desk.set_mark(90)
    funded.top_up()


def test_a_child_with_its_capital_gets_nothing(funded: House, trading: int) -> None:
    funded.desk.age(DAY)
    with refused("vault: nothing to move"):
        funded.top_up()

    funded.take(funded.child, trading, 1)
    funded.top_up()


def test_under_a_deficit_nothing_moves(funded: House, trading: int, outsider: Address) -> None:
    loser = funded.desk.open_account(outsider, 0)
    funded.take(funded.child, trading, 1)
    funded.desk.age(DAY)
    funded.write_deficit(loser, trading, 500)
    with refused("pool: deficit stands"):
        funded.top_up()

    assert funded.vault.call.topped_up_at() + DAY <= funded.desk.engine.head.timestamp


def test_who_leaves_is_not_put_at_risk(funded: House, depositor: Address, trading: int) -> None:
    shares = funded.shares_of(depositor)
    total = shares + SHARES_PER_UNIT
    funded.take(funded.child, trading, 30_000)
    funded.desk.age(DAY)
    funded.request(depositor, shares * 3 // 4)

    moved = funded.top_up().named("ToppedUp")[0]

    assets = 970_000 * QUOTE
    leaving = -(-assets * (shares * 3 // 4) // total)
    assert moved.capital == moved.amount == (assets - leaving) * 3 // 100


def test_the_till_counts_towards_the_capital(funded: House, depositor: Address) -> None:
    # A price that fell at the request leaves cash in the till: it is still the vault's.
    funded.request(depositor, funded.shares_of(depositor) // 2)
    funded.desk.set_mark(START)
    before = funded.vault.call.capital()

    funded.collect()

    assert funded.vault.call.till() > 0
    assert funded.vault.call.capital() == before


def test_what_a_flat_child_has_won_flows_back(funded: House, trading: int) -> None:
    funded.hand_over(trading, 1_000_000)
    funded.desk.set_mark(110)
    with refused("vault: child is not flat"):
        funded.skim()
    funded.hand_over(trading, -1_000_000, 110)

    moved = funded.skim().named("Skimmed")[0]

    capital = 1_010_000 * QUOTE * 3 // 100
    assert (moved.amount, moved.capital) == (40_000 * QUOTE - capital, capital)
    assert funded.equity_of(funded.child) == capital
    assert funded.equity_of(funded.parent) == 1_010_000 * QUOTE - capital


def test_a_child_without_surplus_gives_nothing(funded: House, trading: int) -> None:
    with refused("vault: nothing to move"):
        funded.skim()

    funded.take(funded.child, trading, 1)
    with refused("vault: nothing to move"):
        funded.skim()


def test_the_childs_surplus_stays_where_it_is_under_a_deficit(
    funded: House, trading: int, outsider: Address
) -> None:
    funded.hand_over(trading, 1000)
    funded.take(trading, funded.child, 1)
    funded.hand_over(trading, -1000)
    loser = funded.desk.open_account(outsider, 0)
    funded.write_deficit(loser, trading, 500)

    with refused("pool: deficit stands"):
        funded.skim()
