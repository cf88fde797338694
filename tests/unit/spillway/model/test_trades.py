"""Voluntary trades: both sides judged, orders that reserve margin, leverage."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from spillway.model.margin import QUOTE_PER_USD, Market, Tier
from spillway.model.pool import MAX_LEGS, Pool, Refused, Update
from spillway.model.trades import Answer, Fill, fill, rest, set_leverage
from spillway.model.words import FEES, Leg

USD = QUOTE_PER_USD


def venue(*deposits: int, markets: int = 1, taker_fee: int = 0, maker_fee: int = 0) -> Pool:
    """Make a pool at price 100 whose accounts, from 3 on, hold so many USD; leverage 10 at most."""
    pool = Pool(taker_fee=taker_fee, maker_fee=maker_fee)
    for _ in range(markets):
        pool.list_market(Market((Tier(0, 10), Tier(10_000, 5)), 0, 60, 1_000))
    for usd in deposits:
        account = pool.open_account("trader")
        if usd:
            pool.deposit(account, usd * 10**6)
    at(pool, 100)
    return pool


def at(pool: Pool, price: int) -> None:
    pool.mine(15)
    pool.advance(Update(m, price * USD, price * USD) for m in range(len(pool.markets)))


TAKER, MAKER, THIRD = 3, 4, 5


def buy(lots: int, price: int = 100, **changes: Any) -> Fill:
    """Make the match in which account 3 buys from account 4."""
    match = Fill(0, TAKER, MAKER, taker_buys=True, lots=lots, price=price * USD)
    return replace(match, **changes)


def sizes(pool: Pool) -> tuple[int, int]:
    return pool.leg(TAKER, 0).size, pool.leg(MAKER, 0).size


# --- margin of both sides ------------------------------------------------------------------------


def test_a_match_opens_both_sides_at_exact_initial_margin() -> None:
    pool = venue(100, 100)
    assert fill(pool, buy(10)) is Answer.FILLED
    assert sizes(pool) == (10, -10)


@pytest.mark.parametrize(
    ("deposits", "answer"),
    [((99, 100), Answer.TAKER_FAILS), ((100, 99), Answer.MAKER_FAILS)],
)
def test_a_side_without_initial_margin_fails(deposits: tuple[int, int], answer: Answer) -> None:
    pool = venue(*deposits)
    before = pool.copy()
    assert fill(pool, buy(10)) is answer
    assert pool == before


def test_fees_are_rounded_up_and_count_in_the_check() -> None:
    pool = venue(1_000, 1_000, taker_fee=450, maker_fee=150)
    fill(pool, replace(buy(1), price=100 * USD + 1))
    assert pool.quote(FEES) == 45 * USD // 1000 + 1 + 15 * USD // 1000 + 1
    poor = venue(100, 1_000, taker_fee=1)
    assert fill(poor, buy(10)) is Answer.TAKER_FAILS


def crashed(price: int) -> Pool:
    """Make a pool where account 3 is long 10 from 100 with cash 200, and account 4 is rich."""
    pool = venue(200, 10_000)
    assert fill(pool, buy(10)) is Answer.FILLED
    at(pool, price)
    return pool


def test_an_account_below_initial_margin_may_shrink_at_mark() -> None:
    pool = crashed(85)
    sale = replace(buy(4, 85), taker_buys=False)
    assert fill(pool, sale) is Answer.FILLED
    assert pool.leg(TAKER, 0).size == 6


def test_shrinking_below_mark_may_cost_what_maintenance_frees_and_no_more() -> None:
    # At 84: equity 40, maintenance 42 of 10 lots; selling one lot frees 4.20.
    sale = Fill(0, TAKER, MAKER, taker_buys=False, lots=1, price=84 * USD - 42 * USD // 10)
    assert fill(crashed(84), sale) is Answer.FILLED
    assert fill(crashed(84), replace(sale, price=sale.price - 1)) is Answer.TAKER_FAILS


def test_a_bankruptcy_is_not_sold_to_a_twin() -> None:
    # Long 10 with equity 20 at 82: at 80 all of it is gone; lower, the twin would win thin air.
    sale = Fill(0, TAKER, MAKER, taker_buys=False, lots=10, price=80 * USD)
    assert fill(crashed(82), sale) is Answer.FILLED
    assert fill(crashed(82), replace(sale, price=sale.price - 1)) is Answer.TAKER_FAILS


def test_a_flip_needs_initial_margin() -> None:
    pool = crashed(100)
    assert fill(pool, replace(buy(31), taker_buys=False)) is Answer.TAKER_FAILS
    assert fill(pool, replace(buy(30), taker_buys=False)) is Answer.FILLED
    assert pool.leg(TAKER, 0).size == -20


def test_a_protocol_account_only_shrinks_and_needs_no_initial_margin() -> None:
    pool = venue(1_000, 1_000)
    child = pool.open_account("vault", protocol=True)
    pool.exchange(0, child, MAKER, 5, 499 * USD)
    sale = Fill(0, child, TAKER, taker_buys=False, lots=2, price=100 * USD)
    assert fill(pool, sale) is Answer.FILLED
    assert fill(pool, replace(sale, taker_buys=True)) is Answer.TAKER_FAILS
    assert fill(pool, replace(sale, lots=4)) is Answer.TAKER_FAILS
    assert fill(pool, replace(sale, lots=3, price=99 * USD)) is Answer.TAKER_FAILS  # equity < 0


# --- what a match refuses ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("match", "reason"),
    [
        (buy(1, maker=TAKER), "pool: same account"),
        (buy(0), "pool: lots out of range"),
        (buy(2**54 + 1), "pool: lots out of range"),
        (replace(buy(1), price=110 * USD + 1), "pool: price outside the band"),
        (replace(buy(1), price=90 * USD - 1), "pool: price outside the band"),
    ],
)
def test_a_match_is_refused(match: Fill, reason: str) -> None:
    with pytest.raises(Refused, match=reason):
        fill(venue(1_000, 1_000), match)


@pytest.mark.parametrize("price", [90, 110])
def test_the_edge_of_the_band_is_inside(price: int) -> None:
    assert fill(venue(1_000, 1_000), buy(1, price)) is Answer.FILLED


def test_a_locked_or_stale_market_is_refused() -> None:
    pool = venue(1_000, 1_000)
    pool.lock_market(0, locked=True)
    with pytest.raises(Refused, match="pool: market is locked"):
        fill(pool, buy(1))
    pool.lock_market(0, locked=False)
    pool.mine(61)
    with pytest.raises(Refused, match="pool: stale mark"):
        fill(pool, buy(1))


def test_a_stale_leg_elsewhere_stops_opening_but_not_shrinking() -> None:
    pool = venue(1_000, 1_000, 1_000, markets=2)
    fill(pool, Fill(1, TAKER, THIRD, taker_buys=True, lots=1, price=100 * USD))
    fill(pool, buy(2))
    pool.mine(60)
    pool.advance([Update(0, 100 * USD, 100 * USD)])
    pool.mine(15)
    assert fill(pool, buy(1)) is Answer.TAKER_FAILS
    assert fill(pool, replace(buy(1), taker_buys=False)) is Answer.FILLED


def test_open_interest_stops_at_its_cap() -> None:
    pool = venue(100_000, 100_000, 100_000)
    pool.markets[0] = replace(pool.markets[0], open_interest_cap=10)
    assert fill(pool, buy(11)) is Answer.CAP_REACHED
    assert fill(pool, buy(10)) is Answer.FILLED
    assert fill(pool, buy(1)) is Answer.CAP_REACHED
    assert (
        fill(pool, Fill(0, THIRD, TAKER, taker_buys=True, lots=4, price=100 * USD)) is Answer.FILLED
    )  # changes hands
    assert fill(pool, replace(buy(1), taker_buys=False)) is Answer.FILLED


# --- liquidations --------------------------------------------------------------------------------


def test_a_liquidation_ignores_the_band_and_the_takers_margin() -> None:
    pool = crashed(84)
    sale = Fill(0, TAKER, MAKER, taker_buys=False, lots=10, price=70 * USD, liquidation=True)
    assert fill(pool, sale) is Answer.FILLED
    assert pool.quote(TAKER) == -100 * USD


@pytest.mark.parametrize(("price", "fee"), [(84, 8_400), (81, 8_100), (80, 0), (79, 0)])
def test_a_liquidations_fee_takes_at_most_the_equity_left(price: int, fee: int) -> None:
    pool = crashed(84)
    pool.taker_fee = 10_000
    sale = Fill(0, TAKER, MAKER, taker_buys=False, lots=10, price=price * USD, liquidation=True)
    fill(pool, sale)
    assert pool.quote(FEES) == fee * USD // 1_000


def test_a_maker_is_judged_against_a_liquidation_too() -> None:
    pool = crashed(84)
    poor = pool.open_account("maker")
    sale = Fill(0, TAKER, poor, taker_buys=False, lots=1, price=84 * USD, liquidation=True)
    assert fill(pool, sale) is Answer.MAKER_FAILS


# --- resting orders and leverage -----------------------------------------------------------------


def test_resting_orders_reserve_margin_on_the_worse_side() -> None:
    pool = venue(100)
    rest(pool, TAKER, 0, 10, 0)
    rest(pool, TAKER, 0, 0, 10)
    assert pool.health(TAKER).initial == 100 * USD
    with pytest.raises(Refused, match="pool: below initial margin"):
        rest(pool, TAKER, 0, 1, 0)


def test_a_reserved_maker_gives_its_reservation_back() -> None:
    pool = venue(1_000, 100)
    rest(pool, MAKER, 0, 0, 10)
    assert fill(pool, buy(4, maker_reserved=True)) is Answer.FILLED
    assert pool.leg(MAKER, 0) == Leg(size=-4, cost=-400 * USD, birth=1, asks=6)
    assert pool.health(MAKER).initial == 100 * USD


def test_an_account_turns_flat_with_its_last_order() -> None:
    pool = venue(100)
    rest(pool, TAKER, 0, 1, 0)
    assert not pool.accounts[TAKER].flat
    rest(pool, TAKER, 0, -1, 0)
    assert pool.accounts[TAKER].flat
    assert pool.flat_since[TAKER] == pool.epoch


@pytest.mark.parametrize(("bids", "reason"), [(-1, "size too large"), (2**54, "size too large")])
def test_resting_lots_stay_in_range(bids: int, reason: str) -> None:
    with pytest.raises(Refused, match=reason):
        rest(venue(100), TAKER, 0, bids, 0)


def test_an_account_rests_in_at_most_eight_markets() -> None:
    pool = venue(10_000, markets=MAX_LEGS + 1)
    for market in range(MAX_LEGS):
        rest(pool, TAKER, market, 1, 0)
    with pytest.raises(Refused, match="pool: market not for account"):
        rest(pool, TAKER, MAX_LEGS, 1, 0)
    rest(pool, TAKER, 0, 1, 0)


def test_an_isolated_account_rests_and_trades_in_its_market_alone() -> None:
    pool = venue(0, 1_000, markets=2)
    isolated = pool.open_account("trader", isolated_to=1)
    pool.deposit(isolated, 1_000 * 10**6)
    with pytest.raises(Refused, match="pool: market not for account"):
        rest(pool, isolated, 0, 1, 0)
    assert (
        fill(pool, Fill(0, isolated, MAKER, taker_buys=True, lots=1, price=100 * USD))
        is Answer.TAKER_FAILS
    )
    rest(pool, isolated, 1, 1, 0)
    assert (
        fill(pool, Fill(1, isolated, MAKER, taker_buys=True, lots=1, price=100 * USD))
        is Answer.FILLED
    )


def test_resting_in_a_locked_or_stale_market_is_refused_and_cancelling_is_not() -> None:
    pool = venue(100)
    rest(pool, TAKER, 0, 2, 0)
    pool.lock_market(0, locked=True)
    with pytest.raises(Refused, match="pool: market is locked"):
        rest(pool, TAKER, 0, 1, 0)
    rest(pool, TAKER, 0, -1, 0)
    pool.lock_market(0, locked=False)
    pool.mine(61)
    with pytest.raises(Refused, match="pool: stale mark"):
        rest(pool, TAKER, 0, 1, 0)
    rest(pool, TAKER, 0, -1, 0)


def test_chosen_leverage_sets_initial_margin() -> None:
    pool = venue(499, 1_000)
    set_leverage(pool, TAKER, 0, 2)
    assert fill(pool, buy(10)) is Answer.TAKER_FAILS
    assert fill(pool, buy(9)) is Answer.FILLED
    with pytest.raises(Refused, match="pool: below initial margin"):
        set_leverage(pool, TAKER, 0, 1)
    set_leverage(pool, TAKER, 0, 10)


@pytest.mark.parametrize("leverage", [0, 11])
def test_leverage_is_within_the_tier(leverage: int) -> None:
    with pytest.raises(Refused, match="pool: leverage not allowed"):
        set_leverage(venue(100), TAKER, 0, leverage)


def test_notional_does_not_grow_into_a_tier_below_the_chosen_leverage() -> None:
    pool = venue(50_000, 50_000)
    set_leverage(pool, TAKER, 0, 6)
    assert fill(pool, buy(100)) is Answer.FILLED  # 10,000 USD exactly
    assert fill(pool, buy(1)) is Answer.TAKER_FAILS
    with pytest.raises(Refused, match="pool: leverage not allowed"):
        rest(pool, TAKER, 0, 1, 0)
    set_leverage(pool, TAKER, 0, 5)
    assert fill(pool, buy(1)) is Answer.FILLED
