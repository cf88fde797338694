"""The verbs of the pool, funding, epochs, seniority and the deficit."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spillway.model import custody
from spillway.model.margin import Market, Tier
from spillway.model.pool import Pool, Refused, Update, cost_after, cost_out
from spillway.model.words import DEFICIT, FEES, Leg
from spillway.units import QUOTE_PER_UNIT

if TYPE_CHECKING:
    from collections.abc import Callable

UNIT = QUOTE_PER_UNIT


def venue(markets: int = 1, accounts: int = 3) -> tuple[Pool, list[int]]:
    """Make a pool at price 50 with accounts that hold 1,000 units each."""
    pool = Pool()
    for _ in range(markets):
        pool.list_market(Market((Tier(0, 5),), 0, 60, 10**6))
    opened = [pool.open_account("trader") for _ in range(accounts)]
    for account in opened:
        pool.deposit(account, 1_000)
    at(pool, 50)
    return pool, opened


def at(pool: Pool, price: int, funding: int = 0, seconds: int = 15) -> None:
    pool.mine(seconds)
    pool.advance(
        Update(market, price * UNIT, price * UNIT, funding * UNIT)
        for market in range(len(pool.markets))
    )


# --- exchange ------------------------------------------------------------------------------------


def test_exchange_moves_lots_and_quote() -> None:
    pool, (buyer, seller, _) = venue()
    pool.exchange(0, buyer, seller, 4, 200 * UNIT)
    assert (pool.leg(buyer, 0).size, pool.quote(buyer)) == (4, 800 * UNIT)
    assert (pool.leg(seller, 0).size, pool.quote(seller)) == (-4, 1_200 * UNIT)
    assert pool.markets[0].open_interest == 4


@pytest.mark.parametrize(
    ("lots", "same", "reason"),
    [(1, True, "pool: same account"), (0, False, "pool: zero lots")],
)
def test_exchange_refuses(lots: int, same: bool, reason: str) -> None:
    pool, (buyer, seller, _) = venue()
    with pytest.raises(Refused, match=reason):
        pool.exchange(0, buyer, buyer if same else seller, lots, 1)


def test_open_interest_counts_one_side_through_flips() -> None:
    pool, (first, second, third) = venue()
    pool.exchange(0, first, second, 4, 0)
    pool.exchange(0, third, first, 6, 0)  # first flips to -2
    assert [pool.leg(n, 0).size for n in (first, second, third)] == [-2, -4, 6]
    assert pool.markets[0].open_interest == 6
    pool.exchange(0, second, third, 4, 0)
    assert pool.markets[0].open_interest == 2


def test_birth_counts_openings_and_flips() -> None:
    pool, (first, second, _) = venue()
    births = []
    for lots in (4, -1, -3, 2, -5, 3):
        buyer, seller = (first, second) if lots > 0 else (second, first)
        pool.exchange(0, buyer, seller, abs(lots), 0)
        births.append((pool.leg(first, 0).size, pool.leg(first, 0).birth))
    assert births == [(4, 1), (3, 1), (0, 1), (2, 2), (-3, 3), (0, 3)]


# --- cost ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("leg", "lots", "quote", "funding", "cost"),
    [
        (Leg(size=0, cost=0), 3, 30, 2, 24),
        (Leg(size=0, cost=0), -3, -30, 2, -24),
        (Leg(size=3, cost=10), -1, -999, 7, 7),  # 10 - floor(10 / 3)
        (Leg(size=-3, cost=-10), 1, 999, 7, -6),  # -10 - floor(-10 / 3)
        (Leg(size=3, cost=10), -3, -999, 7, 0),
        (Leg(size=2, cost=10), -5, -52, 1, -28),  # ceil(-52 * 3 / 5) + 3
        (Leg(size=-2, cost=-10), 5, 52, 1, 29),  # ceil(52 * 3 / 5) - 3
    ],
)
def test_cost_after_a_trade(leg: Leg, lots: int, quote: int, funding: int, cost: int) -> None:
    assert cost_after(leg, lots, quote, funding) == cost


@given(
    size=st.integers(-(10**6), 10**6).filter(bool),
    cost=st.integers(-(10**30), 10**30),
    share=st.integers(1, 10**6),
    value=st.integers(-(10**25), 10**25),
)
def test_remaining_profit_is_never_overstated(size: int, cost: int, share: int, value: int) -> None:
    closed = 1 + share % abs(size)
    leg = Leg(size=size, cost=cost)
    lots = -closed if size > 0 else closed
    rest = cost_after(leg, lots, 0, 0)
    # Profit of what remains, times |size|, against its exact share of the profit before.
    left = size + lots
    assert (left * value - rest) * abs(size) <= abs(left) * (size * value - cost)
    assert rest + cost_out(leg, closed) == cost


# --- funding and charges -------------------------------------------------------------------------


@given(
    st.lists(st.integers(-9, 9), max_size=6), st.lists(st.integers(1, 9), min_size=1, max_size=6)
)
def test_funding_moves_from_longs_to_shorts_to_the_last_unit(
    moves: list[int], trades: list[int]
) -> None:
    pool, accounts = venue()
    for place, lots in enumerate(trades):
        buyer, seller = accounts[place % 3], accounts[(place + 1) % 3]
        pool.exchange(0, buyer, seller, lots, lots * 50 * UNIT + place)
    before = {n: pool.quote(n) for n in accounts}
    for move in moves:
        at(pool, 50, move)
    for account in accounts:
        paid = pool.leg(account, 0).size * sum(moves) * UNIT
        assert pool.quote(account) == before[account] - paid
    assert sum(pool.quote(n) for n in accounts) == pool.custody * UNIT


def test_funding_without_open_interest_moves_the_index_alone() -> None:
    pool, accounts = venue()
    at(pool, 50, 7)
    assert pool.markets[0].funding == 7 * UNIT
    assert all(pool.quote(n) == 1_000 * UNIT for n in accounts)


def test_a_position_opened_after_funding_owes_none_of_it() -> None:
    pool, (buyer, seller, _) = venue()
    at(pool, 50, 7)
    pool.exchange(0, buyer, seller, 4, 200 * UNIT)
    assert pool.equity(buyer) == 1_000 * UNIT


def test_a_charge_is_borne_per_lot_with_the_surplus_in_the_pot() -> None:
    pool, (first, second, third) = venue()
    pool.exchange(0, first, third, 3, 0)
    pool.exchange(0, second, third, 4, 0)
    before = {n: pool.quote(n) for n in (first, second, third)}

    pool.socialize(0, FEES, 100, longs=True)  # 7 lots: 15 each

    assert pool.quote(first) == before[first] - 45
    assert pool.quote(second) == before[second] - 60
    assert pool.quote(third) == before[third]
    assert pool.quote(FEES) == 100
    assert pool.markets[0].pot_quote == 5


def test_a_closed_position_keeps_its_charge() -> None:
    pool, (first, second, third) = venue()
    pool.exchange(0, first, second, 3, 0)
    pool.socialize(0, FEES, 100, longs=False)
    pool.exchange(0, second, third, 3, 0)
    assert pool.quote(second) == 1_000 * UNIT - 102
    assert pool.quote(third) == 1_000 * UNIT
    assert pool.markets[0].pot_quote == 2


def test_a_charge_on_nobody_is_refused() -> None:
    pool, _ = venue()
    with pytest.raises(Refused, match="pool: nobody to charge"):
        pool.socialize(0, FEES, 100, longs=True)


# --- pay -----------------------------------------------------------------------------------------


def test_pay_moves_quote_between_holders() -> None:
    pool, (payer, other, target) = venue()
    pool.exchange(0, payer, other, 1, 50 * UNIT)
    pool.pay(payer, target, 7)
    assert pool.quote(payer) == 950 * UNIT - 7
    assert pool.quote(target) == 1_000 * UNIT + 7


def test_pay_to_itself_is_refused() -> None:
    pool, (payer, other, _) = venue()
    pool.exchange(0, payer, other, 1, 50 * UNIT)
    with pytest.raises(Refused, match="pool: same account"):
        pool.pay(payer, payer, 7)


def test_a_flat_account_never_pays() -> None:
    pool, (flat, target, _) = venue()
    with pytest.raises(Refused, match="pool: flat account never pays"):
        pool.pay(flat, target, 1)


def test_an_account_that_turned_flat_in_this_epoch_may_pay() -> None:
    pool, (closing, other, _) = venue()
    pool.exchange(0, closing, other, 1, 50 * UNIT)
    at(pool, 60)
    pool.exchange(0, other, closing, 1, 60 * UNIT)
    pool.pay(closing, other, 3)
    at(pool, 60)
    with pytest.raises(Refused, match="pool: flat account never pays"):
        pool.pay(closing, other, 3)


def test_an_account_that_turned_flat_while_seniority_is_held_may_pay_later() -> None:
    pool, (closing, other, _) = venue()
    pool.exchange(0, closing, other, 1, 50 * UNIT)
    at(pool, 60)
    pool.held = True
    at(pool, 61)
    pool.exchange(0, other, closing, 1, 61 * UNIT)
    at(pool, 62)
    pool.pay(closing, other, 3)
    pool.held = False
    at(pool, 62)
    with pytest.raises(Refused, match="pool: flat account never pays"):
        pool.pay(closing, other, 3)


def test_an_order_keeps_an_account_from_being_flat() -> None:
    pool, (resting, target, _) = venue()
    pool.set_leg(resting, 0, Leg(bids=1))
    assert not pool.accounts[resting].flat
    pool.pay(resting, target, 1)


# --- epochs --------------------------------------------------------------------------------------


def test_previous_mark_is_the_mark_at_the_end_of_the_last_epoch() -> None:
    pool, _ = venue()
    at(pool, 60)
    at(pool, 70)
    assert pool.previous_mark(0) == 60 * UNIT
    pool.advance([Update(0, 75 * UNIT, 75 * UNIT)])  # again in the same block
    assert pool.markets[0].mark == 75 * UNIT
    assert pool.previous_mark(0) == 60 * UNIT


def test_previous_mark_of_a_market_that_an_epoch_left_out_is_its_mark() -> None:
    pool, _ = venue(markets=2)
    at(pool, 60)
    pool.mine(15)
    pool.advance([Update(0, 70 * UNIT, 70 * UNIT)])
    assert (pool.previous_mark(0), pool.previous_mark(1)) == (60 * UNIT, 60 * UNIT)


@pytest.mark.parametrize(
    ("update", "reason"),
    [
        (Update(9, 1, 1), "pool: unknown market"),
        (Update(0, 0, 1), "pool: price out of range"),
        (Update(0, 1, 0), "pool: price out of range"),
        (Update(0, 2**80, 1), "pool: price out of range"),
        (Update(0, 1, 2**80), "pool: price out of range"),
        (Update(0, 1, 1, 2**86), "pool: funding out of range"),
        (Update(0, 1, 1, -(2**86)), "pool: funding out of range"),
    ],
)
def test_advance_refuses_and_changes_nothing(update: Update, reason: str) -> None:
    pool, _ = venue()
    before = pool.copy()
    with pytest.raises(Refused, match=reason):
        pool.advance([Update(0, 7, 7), update])
    assert pool == before


def test_a_mark_is_stale_after_its_age() -> None:
    pool, _ = venue()
    pool.mine(60)
    assert pool.markets[0].fresh(pool.now)
    pool.mine(1)
    assert not pool.markets[0].fresh(pool.now)


# --- the deficit ---------------------------------------------------------------------------------


def owing(amount: int, fees: int = 0) -> tuple[Pool, int, list[int]]:
    """Make a pool where one account is flat and owes; give it with the other accounts."""
    pool, (loser, winner, saver) = venue()
    pool.exchange(0, loser, winner, 1, 1_000 * UNIT + amount)
    pool.exchange(0, winner, loser, 1, 0)
    pool.move(winner, FEES, fees)
    return pool, loser, [winner, saver]


def test_a_loss_is_written_off_as_a_deficit() -> None:
    pool, loser, _ = owing(30)
    pool.write_off(loser)
    assert pool.quote(loser) == 0
    assert pool.deficit == 30
    assert pool.quote(DEFICIT) == -30


@pytest.mark.parametrize(("fees", "left"), [(10, 20), (30, 0), (99, 0)])
def test_fees_bear_a_loss_first(fees: int, left: int) -> None:
    pool, loser, _ = owing(30, fees)
    pool.write_off(loser)
    assert pool.deficit == left
    assert pool.quote(FEES) == max(fees - 30, 0)


def test_write_off_refuses_holders_and_accounts_that_owe_nothing() -> None:
    pool, (first, second, third) = venue()
    pool.exchange(0, first, second, 1, 2_000 * UNIT)
    with pytest.raises(Refused, match="pool: account is not flat"):
        pool.write_off(first)
    with pytest.raises(Refused, match="pool: nothing to write off"):
        pool.write_off(third)


def test_the_deficit_is_not_written_off_again() -> None:
    pool, loser, _ = owing(30)
    pool.write_off(loser)
    with pytest.raises(Refused, match="pool: nothing to write off"):
        pool.write_off(DEFICIT)


def test_a_second_loss_does_not_restart_the_clock() -> None:
    pool, loser, (winner, saver) = owing(30)
    pool.write_off(loser)
    since = pool.deficit_since
    at(pool, 50)
    pool.exchange(0, winner, saver, 1, 5_000 * UNIT)
    pool.exchange(0, saver, winner, 1, 0)
    pool.write_off(winner)
    assert pool.deficit_since == since < pool.now


def test_flat_quote_counts_flat_traders_and_its_junior_part() -> None:
    pool, (first, second, third) = venue()
    pool.open_account("vault", protocol=True)
    assert pool.flat_quote == (3_000 * UNIT, 0)
    pool.exchange(0, first, second, 1, 60 * UNIT)
    assert pool.flat_quote == (1_000 * UNIT, 0)
    pool.exchange(0, second, first, 1, 50 * UNIT)
    assert pool.flat_quote == (3_000 * UNIT, 2_000 * UNIT)
    at(pool, 50)
    assert pool.flat_quote == (3_000 * UNIT, 0)
    assert pool.senior_quote == pool.quote(first) + pool.quote(second) + pool.quote(third)


def test_the_line_of_seniority_stands_still_under_a_deficit() -> None:
    pool, loser, (winner, saver) = owing(30)
    pool.write_off(loser)
    at(pool, 50)
    assert not pool.senior(winner)  # closed in the epoch of the loss
    assert pool.senior(saver)
    custody.cover_deficit(pool, 1)
    assert not pool.senior(winner)
    at(pool, 50)
    assert pool.senior(winner)


# --- no value from nowhere -----------------------------------------------------------------------


def spend(pool: Pool, step: int, accounts: list[int]) -> Callable[[], object]:
    """Give one of the ways to move value."""
    first, second = accounts[step % 3], accounts[(step + 1) % 3]
    ways: list[Callable[[], object]] = [
        lambda: pool.exchange(step % 2, first, second, 1 + step % 5, step * UNIT - 7),
        lambda: pool.pay(first, second, step),
        lambda: pool.socialize(step % 2, first, step * 7 + 1, longs=step % 3 == 0),
        lambda: pool.deposit(first, step + 1),
        lambda: pool.write_off(first),
        lambda: at(pool, 40 + step % 20, step % 5 - 2),
        lambda: custody.cover_deficit(pool, step),
        lambda: custody.request_withdrawal(pool, first, step),
        lambda: custody.withdraw(pool, first),
        lambda: custody.transfer(pool, first, second, step),
    ]
    return ways[step % len(ways)]


@given(st.lists(st.integers(0, 10**4), max_size=40))
def test_quotes_and_pots_are_always_the_cash(plan: list[int]) -> None:
    pool, accounts = venue(markets=2)
    for step in plan:
        with contextlib.suppress(Refused):
            spend(pool, step, accounts)()
        quotes = sum(pool.quote(n) for n in pool.accounts)
        pots = sum(market.pot_quote for market in pool.markets)
        assert quotes + pots == pool.custody * UNIT
