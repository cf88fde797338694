"""Which provider takes an account over, and what it is left with."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from tests.bench import ALO, USD
from tests.unit.contracts.backstop_providers.test_pledge import contract
from tests.unit.contracts.hand import hand, sums_hold, swap
from tests.unit.contracts.liquidator.ward import (
    BELOW_ZERO,
    MAX_AGE,
    NO_BACKSTOP,
    TAKEN_OVER,
    WAITS,
    lock,
    open_long,
    open_short,
    outcome,
    rich,
)

if TYPE_CHECKING:
    from spillway.engines import Receipt
    from tests.bench import Bench

LEGS = 8


@pytest.fixture
def needy(bench: Bench) -> int:
    """Long 10 at 80 with 30 USD: below half of its maintenance of 80, and worth 800."""
    account = open_long(bench, 230)
    bench.mark(80, 50, 20)
    return account


def provider(bench: Bench, name: str = "provider", usd: int = 1_000, limit: int = 10_000) -> int:
    account = bench.open(name, usd)
    bench.pledge(account, limit)
    return account


def chosen(bench: Bench, account: int) -> int:
    return int(contract(bench).call.backstop_for(account))


def refusals(receipt: Receipt) -> list[int]:
    return [event.reason for event in receipt.named("BackstopRefused")]


def test_a_provider_has_two_thirds_of_what_is_left_and_the_fund_the_rest(
    bench: Bench, needy: int
) -> None:
    """That is a purchase at 2/3 of the bankruptcy price of 77 and 1/3 of the mark of 80."""
    taker, fund = provider(bench), bench.accounts["fund"]
    receipt = bench.liquidate(needy)
    assert outcome(receipt, needy) == TAKEN_OVER
    assert bench.at(needy) == (0, 0)
    price = (2 * Decimal(77) + 80) / 3
    assert bench.at(taker) == (10, 1_000 - 10 * price)
    assert bench.equity(fund) == 10
    assert sums_hold(bench)


def test_without_providers_the_next_backstop_is_asked(bench: Bench, needy: int) -> None:
    receipt = bench.liquidate(needy)
    assert refusals(receipt) == [NO_BACKSTOP]
    assert outcome(receipt, needy) == TAKEN_OVER
    assert bench.size(bench.accounts["child"]) == 10


def test_providers_are_not_asked_below_zero(bench: Bench, needy: int) -> None:
    """What such an account lacks is not theirs to pay."""
    provider(bench)
    bench.mark(76, 50, 20)
    receipt = bench.liquidate(needy)
    assert (outcome(receipt, needy), refusals(receipt)) == (BELOW_ZERO, [])
    assert contract(bench).call.allowance() == 0


def test_the_one_with_the_most_room_takes_it(bench: Bench, needy: int) -> None:
    provider(bench, "small", usd=10**6, limit=5_000)
    large = provider(bench, "large", limit=5_001)
    assert chosen(bench, needy) == large
    bench.pledge(large, 4_999)
    assert chosen(bench, needy) == bench.accounts["small"]


def test_of_two_with_as_much_room_the_first_takes_it(bench: Bench, needy: int) -> None:
    first = provider(bench, "first")
    provider(bench, "second")
    assert chosen(bench, needy) == first


def test_what_is_held_takes_room_and_what_is_shed_gives_it_back(bench: Bench, needy: int) -> None:
    busy, idle = provider(bench, "busy", limit=6_000), provider(bench, "idle", limit=5_000)
    swap(bench, rich(bench), busy, 20, 80)
    assert contract(bench).call.spare(busy) == (6_000 - 1_600) * USD
    assert chosen(bench, needy) == idle
    swap(bench, busy, rich(bench), 15, 80)
    assert chosen(bench, needy) == busy


@pytest.mark.parametrize(("limit", "takes"), [(799, False), (800, True)])
def test_an_account_passes_whole_or_not_at_all(
    bench: Bench, needy: int, limit: int, takes: bool
) -> None:
    taker = provider(bench, limit=limit)
    assert chosen(bench, needy) == (taker if takes else 0)


@pytest.mark.parametrize(("usd", "takes"), [(159, False), (160, True)])
def test_no_takeover_leaves_a_provider_below_initial_margin(
    bench: Bench, needy: int, usd: int, takes: bool
) -> None:
    """800 at leverage 5 ask for 160, and what it gets with the account does not count."""
    taker = provider(bench, usd=usd)
    assert chosen(bench, needy) == (taker if takes else 0)
    if takes:
        bench.liquidate(needy)
        health = bench.pool.call.health(taker)
        assert health.initial == 160 * USD
        assert health.equity == 180 * USD


def test_margin_is_of_what_there_is_after_netting(bench: Bench, needy: int) -> None:
    """Short 9 with 150 USD: with 10 more it is long 1."""
    taker = provider(bench, usd=400, limit=2_000)
    swap(bench, rich(bench), taker, 9, 80)
    bench.pool.transact.pay(taker, rich(bench), 250 * USD, sender=hand(bench))
    assert chosen(bench, needy) == taker
    bench.liquidate(needy)
    assert bench.size(taker) == 1
    assert bench.pool.call.health(taker).initial == 16 * USD


def test_resting_orders_count_as_in_the_pool(bench: Bench, needy: int) -> None:
    """Its bids of 5 would make it 15 long: 240 USD, and one less is too few."""
    taker = provider(bench, usd=240)
    bench.place(taker, 5, 75, ALO)
    assert chosen(bench, needy) == taker
    bench.withdraw(taker, 1)
    bench.mark(80, 50, 20)
    bench.pay_out(taker)
    assert bench.equity(taker) == 239
    assert chosen(bench, needy) == 0


def test_a_leverage_of_ones_own_asks_for_more(bench: Bench, needy: int) -> None:
    """At leverage 2 the account asks for 400."""
    taker = provider(bench, usd=399)
    assert chosen(bench, needy) == taker
    bench.pool.transact.set_leverage(taker, 0, 2, sender=bench.owners[taker])
    assert chosen(bench, needy) == 0
    bench.deposit(taker, 1)
    assert chosen(bench, needy) == taker


def test_a_leverage_that_a_larger_position_may_not_have_asks_for_its_tier(
    bench: Bench,
) -> None:
    """At 20 a lot of 600 is 12,000: leverage 5 up to 10,000, 2 beyond."""
    tiered = bench.list_market(5, tiers=[(10_000, 2)])
    bench.mark(100, 50, 20, 20)
    loser = open_long(bench, 13_000, lots=600, price=40, market=tiered)
    taker = provider(bench, usd=5_999, limit=10**6)
    bench.pool.transact.set_leverage(taker, tiered, 5, sender=bench.owners[taker])
    assert bench.equity(loser) == 1_000
    assert chosen(bench, loser) == 0
    bench.deposit(taker, 1)
    assert chosen(bench, loser) == taker


def test_no_provider_gets_more_markets_than_an_account_may_have(bench: Bench, needy: int) -> None:
    for _ in range(LEGS - 2):
        bench.list_market()
    bench.mark(80, 50, 20, *[10] * (LEGS - 2))
    taker = provider(bench, usd=10**6)
    for market in range(1, LEGS + 1):
        swap(bench, taker, rich(bench), 1, bench.pool.call.market(market).mark // USD, market)
    assert chosen(bench, needy) == 0
    swap(bench, rich(bench), taker, 1, 50, 1)
    assert chosen(bench, needy) == taker


def test_a_stale_mark_of_its_own_passes_a_provider_over(bench: Bench, needy: int) -> None:
    taker = provider(bench)
    swap(bench, taker, rich(bench), 1, 50, market=1)
    bench.age(MAX_AGE)
    bench.pool.transact.advance([(0, 80 * USD, 80 * USD, 0)], sender=bench.oracle)
    bench.age(1)
    assert chosen(bench, needy) == 0
    bench.mark(80, 50, 20)
    assert chosen(bench, needy) == taker


def test_a_loser_that_has_pledged_does_not_stop_its_own_liquidation(bench: Bench) -> None:
    """It would be its own backstop, with the most room of all; nothing passes from it to itself."""
    loser = bench.open("loser", 230)
    bench.pledge(loser, 10**9)
    swap(bench, loser, rich(bench), 10, 100)
    bench.mark(80, 50, 20)
    assert chosen(bench, loser) == 0
    receipt = bench.liquidate(loser)
    assert (outcome(receipt, loser), refusals(receipt)) == (TAKEN_OVER, [NO_BACKSTOP])
    assert bench.at(loser) == (0, 0)


def test_two_losers_that_have_pledged_do_not_take_each_other_over(bench: Bench) -> None:
    losers = [bench.open(name, 230) for name in ("one", "other")]
    for loser in losers:
        bench.pledge(loser, 10**9)
        swap(bench, loser, rich(bench), 10, 100)
    bench.mark(80, 50, 20)
    receipt = bench.liquidate(*losers)
    assert [outcome(receipt, loser) for loser in losers] == [TAKEN_OVER] * 2
    assert bench.size(bench.accounts["child"]) == 20


def test_one_below_zero_is_passed_over(bench: Bench, needy: int) -> None:
    broke = provider(bench, limit=10**6)
    swap(bench, broke, rich(bench), 1, 80)
    bench.pool.transact.pay(broke, rich(bench), 1_001 * USD, sender=hand(bench))
    assert bench.equity(broke) == -1
    other = provider(bench, "other")
    assert chosen(bench, needy) == other


def test_a_short_passes_like_a_long(bench: Bench) -> None:
    loser = open_short(bench, 230)
    bench.mark(120, 50, 20)
    taker = provider(bench)
    assert outcome(bench.liquidate(loser), loser) == TAKEN_OVER
    assert bench.at(taker) == (-10, 1_000 + 20 + 1_200)


def test_who_is_full_hands_the_next_account_to_the_next_provider(bench: Bench) -> None:
    """Both in one call: the second is judged by what the first has left."""
    losers = [bench.open(name, 230) for name in ("one", "other")]
    for loser in losers:
        swap(bench, loser, rich(bench), 10, 100)
    bench.mark(80, 50, 20)
    first, second = provider(bench, "first", limit=1_000), provider(bench, "second", limit=900)
    bench.liquidate(*losers)
    assert [bench.size(account) for account in (first, second)] == [10, 10]


def test_a_provider_is_liquidated_like_everyone(bench: Bench, needy: int) -> None:
    taker = provider(bench, usd=160)
    bench.liquidate(needy)
    # 180 less 10 lots at 64: maintenance is 64, half of it 32.
    bench.mark(64, 50, 20)
    receipt = bench.liquidate(taker)
    assert (outcome(receipt, taker), bench.size(taker)) == (TAKEN_OVER, 0)


def test_a_locked_market_stops_providers_as_it_stops_the_vault(bench: Bench, needy: int) -> None:
    provider(bench)
    lock(bench, 0)
    assert outcome(bench.liquidate(needy), needy) == WAITS
    lock(bench, 0, locked=False)
    bench.mark(80, 50, 20)
    assert outcome(bench.liquidate(needy), needy) == TAKEN_OVER
