"""Withdrawals, transfers, and who is paid while a deficit stands."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spillway.model import custody
from spillway.model.margin import Market, Tier
from spillway.model.pool import Pool, Refused, Update
from spillway.units import QUOTE_PER_UNIT

UNIT = QUOTE_PER_UNIT
LOSER, WINNER, SAVER, OTHER = 3, 4, 5, 6


def venue() -> Pool:
    """Make a pool at price 50, leverage 50 at most, with four accounts of 1,000 units."""
    pool = Pool()
    pool.list_market(Market((Tier(0, 50),), 0, 60, 10**6))
    for _ in range(4):
        pool.deposit(pool.open_account("trader"), 1_000)
    at(pool)
    return pool


def at(pool: Pool, price: int = 50, seconds: int = 15) -> None:
    pool.mine(seconds)
    pool.advance([Update(0, price * UNIT, price * UNIT)])


def ask(pool: Pool, account: int, units: int, seconds: int = 15) -> None:
    custody.request_withdrawal(pool, account, units)
    at(pool, seconds=seconds)


def in_deficit(loss: int = 300) -> Pool:
    """Make a pool where account 4 holds what account 3 owed, and 5 and 6 were flat before."""
    pool = venue()
    pool.exchange(0, LOSER, WINNER, 1, (1_000 + loss) * UNIT)
    pool.exchange(0, WINNER, LOSER, 1, 0)
    pool.write_off(LOSER)
    assert pool.deficit == loss * UNIT
    return pool


# --- without a deficit ---------------------------------------------------------------------------


def test_a_withdrawal_is_paid_in_a_later_epoch_once() -> None:
    pool = venue()
    custody.request_withdrawal(pool, SAVER, 400)
    with pytest.raises(Refused, match="custody: wait for an epoch"):
        custody.withdraw(pool, SAVER)
    at(pool)
    assert custody.withdraw(pool, SAVER) == 400
    assert (pool.quote(SAVER), pool.custody) == (600 * UNIT, 3_600)
    with pytest.raises(Refused, match="custody: no request"):
        custody.withdraw(pool, SAVER)


def test_a_request_of_zero_cancels() -> None:
    pool = venue()
    custody.request_withdrawal(pool, SAVER, 400)
    ask(pool, SAVER, 0)
    with pytest.raises(Refused, match="custody: no request"):
        custody.withdraw(pool, SAVER)


@pytest.mark.parametrize(("lots", "left"), [(10, 50), (20, 100)])
def test_a_tenth_of_notional_stays_behind(lots: int, left: int) -> None:
    # Initial margin at leverage 50 is a fiftieth; the withdrawal rule wants a tenth.
    pool = venue()
    pool.exchange(0, WINNER, SAVER, lots, lots * 50 * UNIT)
    ask(pool, WINNER, 1_000 - left + 1)
    with pytest.raises(Refused, match="pool: below initial margin"):
        custody.withdraw(pool, WINNER)
    ask(pool, WINNER, 1_000 - left)
    assert custody.withdraw(pool, WINNER) == 1_000 - left


def test_a_withdrawal_needs_fresh_marks() -> None:
    pool = venue()
    pool.exchange(0, WINNER, SAVER, 1, 50 * UNIT)
    ask(pool, WINNER, 10)
    pool.mine(61)
    with pytest.raises(Refused, match="pool: stale mark"):
        custody.withdraw(pool, WINNER)


def test_a_transfer_is_under_the_rule_of_a_withdrawal() -> None:
    pool = venue()
    pool.exchange(0, WINNER, SAVER, 10, 500 * UNIT)
    with pytest.raises(Refused, match="pool: below initial margin"):
        custody.transfer(pool, WINNER, OTHER, 950 * UNIT + 1)
    custody.transfer(pool, WINNER, OTHER, 950 * UNIT)
    assert pool.quote(OTHER) == 1_950 * UNIT


def test_a_transfer_to_itself_is_refused() -> None:
    with pytest.raises(Refused, match="pool: same account"):
        custody.transfer(venue(), SAVER, SAVER, 1)


# --- under a deficit -----------------------------------------------------------------------------


def test_seniors_are_paid_in_full_at_once() -> None:
    pool = in_deficit()
    for account in (SAVER, OTHER):
        ask(pool, account, 1_000)
        assert custody.withdraw(pool, account) == 1_000


def test_others_wait_for_the_cure_and_then_bear_the_deficit() -> None:
    pool = in_deficit()  # the winner claims 2,300; cash beside the seniors' 2,000 is 2,000
    ask(pool, WINNER, 2_300)
    with pytest.raises(Refused, match="custody: deficit stands"):
        custody.withdraw(pool, WINNER)
    at(pool, seconds=custody.CURE_TIME - 16)
    with pytest.raises(Refused, match="custody: deficit stands"):
        custody.withdraw(pool, WINNER)
    at(pool)
    assert custody.withdraw(pool, WINNER) == 2_000
    assert pool.deficit == 0
    assert pool.custody == 2_000


def test_a_cured_deficit_lets_everyone_out() -> None:
    pool = in_deficit()
    assert custody.cover_deficit(pool, 10**6) == 300
    ask(pool, WINNER, 2_300)
    assert custody.withdraw(pool, WINNER) == 2_300


def test_seniors_are_refused_while_cash_does_not_cover_them() -> None:
    pool = in_deficit()
    ask(pool, SAVER, 1_000)
    pool.custody = 1_999
    with pytest.raises(Refused, match="custody: deficit stands"):
        custody.withdraw(pool, SAVER)


def test_nobody_but_seniors_leaves_while_seniority_is_open() -> None:
    pool = venue()
    pool.held = True
    pool.exchange(0, WINNER, LOSER, 1, 50 * UNIT)
    pool.exchange(0, LOSER, WINNER, 1, 50 * UNIT)
    ask(pool, WINNER, 10)
    with pytest.raises(Refused, match="custody: seniority is open"):
        custody.withdraw(pool, WINNER)
    ask(pool, SAVER, 10)
    assert custody.withdraw(pool, SAVER) == 10


def test_juniors_do_not_escape_by_a_transfer() -> None:
    pool = in_deficit()
    at(pool)
    with pytest.raises(Refused, match="pool: deficit stands"):
        custody.transfer(pool, WINNER, SAVER, UNIT)
    custody.transfer(pool, SAVER, OTHER, UNIT)


@given(
    parts=st.lists(st.integers(1, 1_000), min_size=1, max_size=5),
    loss=st.integers(1, 2_000),
)
def test_the_order_of_withdrawals_takes_nothing_from_those_who_wait(
    parts: list[int], loss: int
) -> None:
    pool = in_deficit(loss)
    at(pool, seconds=custody.CURE_TIME)
    cash, total = pool.custody - 2_000, 2_000 + loss
    paid = asked = 0
    for units in parts:
        ask(pool, WINNER, units)
        if asked + units > total:
            break
        got = custody.withdraw(pool, WINNER)
        assert got <= units
        paid, asked = paid + got, asked + units
        # Everyone so far got the same share, but for the units lost to rounding down.
        assert 0 <= asked * cash - paid * total < total * len(parts)
    assert pool.custody >= 2_000


@pytest.mark.parametrize(("offered", "taken", "left"), [(100, 100, 200), (10**9, 300, 0)])
def test_covering_takes_at_most_what_is_missing(offered: int, taken: int, left: int) -> None:
    pool = in_deficit()
    assert custody.cover_deficit(pool, offered) == taken
    assert pool.deficit == left * UNIT
    assert pool.custody == 4_000 + taken


def test_covering_is_refused_without_a_deficit_or_with_nothing() -> None:
    with pytest.raises(Refused, match="custody: no deficit"):
        custody.cover_deficit(venue(), 1)
    with pytest.raises(Refused, match="custody: zero amount"):
        custody.cover_deficit(in_deficit(), 0)


def test_a_bank_run_never_pays_more_than_the_cash() -> None:
    # Two makers of 500 and a trader of 10 that loses 100 on them: claims 1,100, cash 1,010.
    pool = Pool()
    pool.list_market(Market((Tier(0, 50),), 0, 60, 10**6))
    for units in (500, 500, 10):
        pool.deposit(pool.open_account("trader"), units)
    at(pool, 100)
    for maker in (3, 4):
        pool.exchange(0, 5, maker, 5, 500 * UNIT)
    at(pool, 90)
    for maker in (3, 4):
        pool.exchange(0, maker, 5, 5, 450 * UNIT)
    pool.write_off(5)
    assert pool.deficit == 90 * UNIT
    claims = [pool.quote(n) // UNIT for n in (3, 4)]
    assert claims == [550, 550]

    at(pool, 90, seconds=custody.CURE_TIME)
    for maker in (3, 4):
        ask(pool, maker, 550)
    paid = [custody.withdraw(pool, maker) for maker in (3, 4)]

    assert paid == [505, 505]
    assert (pool.custody, pool.deficit) == (0, 0)
