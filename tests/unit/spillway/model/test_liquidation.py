"""Slices, limits per lot, and what a liquidation does next."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spillway.model import margin
from spillway.model.liquidation import (
    LOWEST_LIMIT,
    Next,
    bankruptcy_limit,
    decide,
    legs_by_maintenance,
    lots_to_sell,
    take_over,
)
from spillway.model.margin import QUOTE_PER_USD, Health, Market, Tier
from spillway.model.pool import Pool, Refused
from spillway.model.words import Leg

USD = QUOTE_PER_USD
TENTH = Market((Tier(0, 5),), 0, 60, 10**6)


@pytest.mark.parametrize(
    ("equity", "maintenance", "answer"),
    [
        (-1, 30, Next.DELEVERAGE),
        (0, 30, Next.TAKEOVER),
        (19, 30, Next.TAKEOVER),
        (20, 30, Next.WAIT),
        (29, 30, Next.WAIT),
        (30, 30, Next.STOP),
    ],
)
def test_each_bound_of_the_waterfall(equity: int, maintenance: int, answer: Next) -> None:
    assert decide(equity, maintenance) is answer


@pytest.mark.parametrize(
    ("size", "mark", "cooling_down", "lots"),
    [
        (10, 10_000 * USD, False, 10),  # 100k exactly: whole
        (11, 10_000 * USD, False, 3),  # ceil(11 / 5)
        (-11, 10_000 * USD, False, 3),
        (11, 10_000 * USD, True, 11),  # within 30 s of a slice
        (1, 200_000 * USD, False, 1),
    ],
)
def test_a_fifth_of_a_large_leg_is_sold_first(
    size: int, mark: int, cooling_down: bool, lots: int
) -> None:
    assert lots_to_sell(size, mark, cooling_down=cooling_down) == lots


def test_limit_of_a_cross_account_with_a_known_answer() -> None:
    # Short 1 BTC at 50,000 and 10 ETH at 3,000, cash 80,800: equity 800, of which BTC's share is
    # 5,000 of 8,000. Each BTC may be bought up to 50,500.
    btc = replace(TENTH, mark=50_000 * USD)
    eth = replace(TENTH, mark=3_000 * USD)
    legs = [Leg(size=-1), Leg(size=-10)]
    maintenance = margin.leg_maintenance(legs[0], btc) + margin.leg_maintenance(legs[1], eth)
    health = Health(800 * USD, maintenance, 0, 80_000 * USD, 0, 0b11)
    assert maintenance == 8_000 * USD
    assert bankruptcy_limit(legs[0], btc, health, fee=0) == 50_500 * USD
    assert bankruptcy_limit(legs[1], eth, health, fee=0) == 3_030 * USD


def test_a_slice_has_the_limit_of_the_full_size() -> None:
    # Equity over the slice's own 2 lots would allow 65 and confiscate a solvent account.
    market = replace(TENTH, mark=100 * USD)
    health = Health(70 * USD, 100 * USD, 0, 1_000 * USD, 0, 1)
    assert bankruptcy_limit(Leg(size=10), market, health, fee=0) == 93 * USD


def test_the_fee_is_kept_out_of_the_room() -> None:
    market = replace(TENTH, mark=100 * USD)
    health = Health(70 * USD, 100 * USD, 0, 1_000 * USD, 0, 1)
    assert bankruptcy_limit(Leg(size=10), market, health, fee=10 * USD) == 94 * USD


def test_a_limit_is_at_least_one_tick() -> None:
    market = replace(TENTH, mark=USD)
    health = Health(250 * USD, 20 * USD, 0, USD, 0, 1)  # its share of equity: 1.25
    assert bankruptcy_limit(Leg(size=1), market, health, fee=0) == LOWEST_LIMIT


@given(
    size=st.integers(-1_000, 1_000).filter(bool),
    mark=st.integers(1, 1_000).map(lambda usd: usd * USD + 1),
    equity=st.integers(0, 10**5 * USD),
    fee=st.integers(0, 100 * USD),
    others=st.integers(0, 10**4 * USD),
)
def test_closing_at_the_limit_never_costs_more_than_the_legs_share(
    size: int, mark: int, equity: int, fee: int, others: int
) -> None:
    market, leg = replace(TENTH, mark=mark), Leg(size=size)
    own = margin.leg_maintenance(leg, market)
    health = Health(equity, own + others, 0, 0, 0, 1)
    fee = min(fee, equity)
    limit = bankruptcy_limit(leg, market, health, fee)
    loss = size * (mark - limit)  # what closing every lot there costs against mark
    assert loss * (own + others) <= (equity - fee) * own


def venue() -> tuple[Pool, int, int, int]:
    """Make a pool with two markets; give it with a loser, a maker and the vault's child."""
    pool = Pool()
    for _ in range(2):
        pool.list_market(replace(TENTH, mark=100 * USD, updated_at=0))
    loser, maker = pool.open_account("trader"), pool.open_account("maker")
    child = pool.open_account("vault", protocol=True)
    pool.deposit(loser, 100 * 10**6)
    pool.deposit(maker, 900 * 10**6)
    pool.exchange(0, loser, maker, 4, 400 * USD)
    pool.exchange(1, maker, loser, 6, 600 * USD)
    return pool, loser, maker, child


def test_legs_are_sold_by_maintenance() -> None:
    pool, loser, _, _ = venue()
    assert legs_by_maintenance(pool, loser) == [1, 0]
    pool.markets[0] = replace(pool.markets[0], mark=150 * USD)
    assert legs_by_maintenance(pool, loser) == [0, 1]


def test_a_takeover_passes_all_legs_and_all_equity() -> None:
    pool, loser, _, child = venue()
    pool.markets[0] = replace(pool.markets[0], mark=80 * USD)

    assert take_over(pool, loser, child) == 20 * USD

    assert pool.accounts[loser].flat
    assert pool.quote(loser) == 0
    assert [pool.leg(child, m).size for m in (0, 1)] == [4, -6]
    assert pool.equity(child) == 20 * USD


def test_a_bankrupt_account_is_not_taken_over() -> None:
    pool, loser, _, child = venue()
    pool.markets[0] = replace(pool.markets[0], mark=74 * USD)
    with pytest.raises(Refused, match="account is bankrupt"):
        take_over(pool, loser, child)


def test_a_bankrupt_child_takes_nothing_over() -> None:
    pool, loser, maker, child = venue()
    pool.exchange(0, child, maker, 1, 101 * USD)
    with pytest.raises(Refused, match="child is bankrupt"):
        take_over(pool, loser, child)
