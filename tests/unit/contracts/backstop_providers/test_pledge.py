"""Who may stand behind the book, who gives way to whom, and who leaves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.bench import LEAST_STRENGTH, USD
from tests.chain import refused
from tests.unit.contracts.hand import hand, swap
from tests.unit.contracts.liquidator.ward import MAX_AGE, rich

if TYPE_CHECKING:
    from spillway.engines import Address, Contract, Receipt
    from tests.bench import Bench

PLACES = 4


def contract(bench: Bench) -> Contract:
    assert bench.providers is not None
    return bench.providers


def pledges(bench: Bench) -> dict[int, int]:
    """Limit by account, USD."""
    return {told.account: told.limit // USD for told in contract(bench).call.pledges()}


def leave(bench: Bench, account: int) -> Receipt:
    receipt: Receipt = contract(bench).transact.leave(account, sender=bench.owners[account])
    return receipt


def fill(bench: Bench, usd: int = 1_000) -> list[int]:
    """Take all places, the first with `usd` of equity and each further one with one more."""
    everyone = [bench.open(f"provider_{n}", usd + n) for n in range(PLACES)]
    for account in everyone:
        bench.pledge(account, 10_000)
    return everyone


def test_an_owner_pledges_an_account(bench: Bench) -> None:
    account = bench.open("provider", 1_000)
    receipt = bench.pledge(account, 5_000)
    (event,) = receipt.named("Pledged")
    assert (event.account, event.limit) == (account, 5_000 * USD)
    assert pledges(bench) == {account: 5_000}
    assert contract(bench).call.spare(account) == 5_000 * USD
    assert contract(bench).call.least() == LEAST_STRENGTH * USD


def test_nobody_pledges_what_is_not_theirs(bench: Bench, outsider: Address) -> None:
    account = bench.open("provider", 1_000)
    for sender in (outsider, bench.admin, bench.keeper):
        for number in (account, 0, 10**6):
            with refused("providers: not the owner"):
                contract(bench).transact.pledge(number, USD, sender=sender)


def test_a_limit_is_changed_by_pledging_again(bench: Bench) -> None:
    account = bench.open("provider", 1_000)
    for limit in (5_000, 100, 0, 7_000):
        bench.pledge(account, limit)
        assert pledges(bench) == {account: limit}


def test_a_limit_has_its_own(bench: Bench) -> None:
    account = bench.open("provider", 1_000)
    pledge, owner = contract(bench).transact.pledge, bench.owners[account]
    with refused("providers: limit too large"):
        pledge(account, 2**128, sender=owner)
    pledge(account, 2**128 - 1, sender=owner)
    assert contract(bench).call.spare(account) == 2**128 - 1


def test_accounts_of_the_protocol_and_isolated_ones_stand_for_nobody(bench: Bench) -> None:
    owner = bench.engine.sender(19)
    opened = bench.pool.transact.open_isolated_account(0, sender=owner)
    isolated = bench.adopt("isolated", opened.named("AccountOpened")[0].account, owner, 1_000)
    child = bench.accounts["child"]
    bench.deposit(child, 1_000)
    for account in (isolated, child):
        with refused("providers: not a cross account"):
            bench.pledge(account, 1_000)
    bench.pledge(bench.open("cross", 1_000, owner), 1_000)


@pytest.mark.parametrize(("usd", "limit"), [(99, 1_000), (1_000, 99)])
def test_a_newcomer_has_equity_and_means_it(bench: Bench, usd: int, limit: int) -> None:
    """What it stands for is the smaller of both: 99 of 100 USD."""
    account = bench.open("provider", usd)
    with refused("providers: too weak"):
        bench.pledge(account, limit)
    bench.deposit(account, 1)
    bench.pledge(account, limit + 1)


def test_margin_in_use_stands_for_nothing(bench: Bench) -> None:
    """10 lots at 100 take 200 of 299 USD at leverage 5, and 1,000 of the limit."""
    account = bench.open("provider", 299)
    swap(bench, account, rich(bench), 10, 100)
    with refused("providers: too weak"):
        bench.pledge(account, 2_000)
    bench.deposit(account, 1)
    with refused("providers: too weak"):
        bench.pledge(account, 1_099)
    bench.pledge(account, 1_100)
    assert contract(bench).call.spare(account) == 100 * USD


def test_a_newcomer_is_judged_by_fresh_marks(bench: Bench) -> None:
    account = bench.open("provider", 1_000)
    swap(bench, account, rich(bench), 1, 100)
    bench.age(MAX_AGE + 1)
    with refused("providers: stale mark"):
        bench.pledge(account, 1_000)
    bench.mark(100, 50, 20)
    bench.pledge(account, 1_000)


def test_an_owner_leaves(bench: Bench) -> None:
    first, second, third = (bench.open(name, 1_000) for name in ("a", "b", "c"))
    for account in (first, second, third):
        bench.pledge(account, 1_000)
    (event,) = leave(bench, first).named("Released")
    assert (event.account, event.by) == (first, 0)
    assert set(pledges(bench)) == {second, third}
    leave(bench, third)
    leave(bench, second)
    assert pledges(bench) == {}
    assert contract(bench).call.spare(first) == 0


def test_nobody_else_and_nobody_twice_leaves(bench: Bench, outsider: Address) -> None:
    account = bench.open("provider", 1_000)
    bench.pledge(account, 1_000)
    for sender in (outsider, bench.admin):
        with refused("providers: not the owner"):
            contract(bench).transact.leave(account, sender=sender)
    leave(bench, account)
    with refused("providers: no pledge"):
        leave(bench, account)


def test_the_weakest_gives_way_to_whoever_is_stronger(bench: Bench) -> None:
    weakest, *others = fill(bench)
    newcomer = bench.open("newcomer", 1_000)
    with refused("providers: others are stronger"):
        bench.pledge(newcomer, 10_000)
    bench.deposit(newcomer, 1)
    receipt = bench.pledge(newcomer, 10_000)
    (event,) = receipt.named("Released")
    assert (event.account, event.by) == (weakest, newcomer)
    assert set(pledges(bench)) == {*others, newcomer}


def test_places_can_not_be_held_without_a_limit(bench: Bench) -> None:
    """Four rich accounts that mean to take nothing keep nobody out."""
    squatters = fill(bench, usd=10**6)
    for account in squatters:
        bench.pledge(account, 0)
    newcomer = bench.open("newcomer", 100)
    bench.pledge(newcomer, 1_000)
    assert newcomer in pledges(bench)


def test_places_can_not_be_held_with_money_that_has_gone(bench: Bench) -> None:
    """One fortune passed on from account to account is worth a place once."""
    owner = bench.engine.sender(19)
    accounts = [bench.open(f"{n}", 0, owner) for n in range(PLACES)]
    bench.deposit(accounts[0], 10**6)
    for source, target in zip(accounts, [*accounts[1:], accounts[0]], strict=True):
        bench.pledge(source, 10**9)
        if target != accounts[0]:
            bench.pool.transact.transfer(source, target, 10**6 * USD, sender=owner)
    for n in range(PLACES - 1):
        bench.pledge(bench.open(f"honest_{n}", 100), 1_000)
    assert set(pledges(bench)) & set(accounts) == {accounts[-1]}


def test_who_is_below_zero_is_the_weakest(bench: Bench) -> None:
    weak, *_ = fill(bench)
    swap(bench, weak, rich(bench), 10, 100)
    bench.pool.transact.pay(weak, rich(bench), 2_000 * USD, sender=hand(bench))
    newcomer = bench.open("newcomer", 100)
    bench.pledge(newcomer, 100)
    assert weak not in pledges(bench)
