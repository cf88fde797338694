"""When the pool's position is closed against those who win from it, and how far."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from spillway.model import counterparty as model
from spillway.model.margin import Market
from spillway.model.words import Leg, decode_dump
from tests.bench import USD
from tests.chain import refused
from tests.rng import seeded
from tests.unit.contracts.counterparty.house import LOTS, TERMS, pending, stand, worth
from tests.unit.contracts.hand import START, hand, sums_hold, swap

if TYPE_CHECKING:
    from spillway.model.words import Account
    from tests.bench import Bench

REST = START[1:]


def beyond(loss: Decimal, capital: Decimal, lots: int = LOTS) -> int:
    """Lots to be closed: the least x with loss * (1 - x/lots) <= 8 % of capital - loss * x/lots."""
    for x in range(lots + 1):
        realised = loss * x / lots
        if loss - realised <= Decimal("0.08") * (capital - realised):
            return x
    return lots


def beyond_left(lots: int, loss: int, capital: Decimal) -> int:
    """Lots that a closing leaves."""
    return lots - beyond(Decimal(lots * loss), capital, lots)


@pytest.mark.parametrize(("side", "edge", "past"), [(-1, 120, "120.01"), (1, 80, "79.99")])
def test_exactly_the_factor_is_within_the_limit(
    bench: Bench, side: int, edge: int, past: str
) -> None:
    """250 lots from 100: 5,000 of 50,000 at 120, and at 80 for a pool that is long."""
    stand(bench, side * LOTS)
    bench.mark(edge, *REST)
    assert (pending(bench), worth(bench)) == (Decimal(5_000), Decimal(50_000))
    with refused("counterparty: within its limit"):
        bench.limit()
    bench.mark(past, *REST)
    [event] = bench.limit().named("ProfitLimited")
    assert event.pending == 250 * (20 * USD + USD // 100)
    assert event.worth == 50_000 * USD
    assert event.lots == beyond(Decimal("5002.5"), Decimal(50_000))


@pytest.mark.parametrize(("side", "mark"), [(-1, 125), (1, 75)])
def test_a_closing_leaves_the_target_and_not_a_lot_less(bench: Bench, side: int, mark: int) -> None:
    """6,250 of 50,000 are pending: 250 * (6,250 - 4,000) / (6,250 * 0.92) = 97.8, so 98 lots."""
    pool = stand(bench, side * LOTS)
    bench.mark(mark, *REST)
    lots = beyond(Decimal(6_250), Decimal(50_000))
    assert lots == 98
    bench.limit()
    receipt = bench.deleverage(pool)
    assert {fill.quote for fill in receipt.named("Deleveraged") if fill.lots} == {
        fill.lots * mark * USD for fill in receipt.named("Deleveraged")
    }
    assert bench.size(pool) == side * (LOTS - 98)
    left = (Decimal(152 * 25), Decimal(50_000 - 98 * 25))
    assert (pending(bench), worth(bench)) == left
    assert pending(bench) <= Decimal("0.08") * worth(bench)
    # With a lot less it would not have been enough.
    assert Decimal("0.08") * (50_000 - 97 * 25) < 153 * 25
    assert bench.pool.call.market(0).open_interest == LOTS - 98
    assert not bench.pool.call.market(0).locked
    assert sums_hold(bench)


def test_it_closes_at_the_index_and_not_at_the_mark(bench: Bench) -> None:
    """At 126 with a mark of 124, funding of 1 a lot paid by longs: 25 of 126 - 101 are pending."""
    pool = stand(bench, -LOTS)
    mark, index = 124 * USD, 126 * USD
    bench.pool.transact.advance([(0, mark, index, USD)], sender=bench.oracle)
    assert pending(bench) == LOTS * 25
    # 250 * (6,250 - 4,000) / (6,250 * 0.92) = 97.8
    bench.limit()
    receipt = bench.deleverage(pool)
    assert sum(fill.lots for fill in receipt.named("Deleveraged")) == 98
    assert {fill.quote // fill.lots for fill in receipt.named("Deleveraged")} == {index}
    assert worth(bench) == 50_000 - 98 * 25
    assert sums_hold(bench)


def test_the_index_does_not_take_the_pool_below_zero(bench: Bench) -> None:
    """At a mark of 125 it has 100 left; an index of 126 costs 250, of which it gives those 100."""
    pool, far = stand(bench, -LOTS), bench.accounts["far"]
    bench.pool.transact.advance([(0, 125 * USD, 126 * USD, 0)], sender=bench.oracle)
    bench.pool.transact.pay(pool, far, (50_000 - 6_250 - 100) * USD, sender=hand(bench))
    before = [bench.equity(bench.accounts[name]) for name in ("near", "far")]
    [event] = bench.limit().named("ProfitLimited")
    assert event.lots == LOTS == beyond(Decimal(6_500), Decimal(6_350))
    bench.deleverage(pool)
    assert bench.at(pool) == (0, 0)
    after = [bench.equity(bench.accounts[name]) for name in ("near", "far")]
    assert [now - was for now, was in zip(after, before, strict=True)] == [50, 50]
    assert sums_hold(bench)


def test_more_than_it_is_worth_closes_all_of_it(bench: Bench) -> None:
    """At 310 52,500 of 50,000 are pending; 4,000 that it wins elsewhere keep it above zero."""
    pool = stand(bench, -LOTS)
    stand(bench, 200, 50, market=1)
    bench.mark(310, 70, 20)
    assert bench.equity(pool) == 1_500
    [event] = bench.limit().named("ProfitLimited")
    assert event.lots == LOTS == beyond(Decimal(52_500), Decimal(50_000))
    bench.deleverage(pool)
    assert (bench.size(pool), bench.size(pool, 1)) == (0, 200)
    assert worth(bench) == -2_500
    assert bench.equity(pool) == 1_500


def test_a_pool_below_zero_is_closed_whole_as_anyone(bench: Bench) -> None:
    """At 301 it has lost 50,250. What it can't pay is borne by those who won, out of that."""
    pool = stand(bench, -LOTS)
    bench.mark(301, *REST)
    with refused("counterparty: below zero"):
        bench.limit()
    assert tuple(bench.pooled.call.last_handled(pool)) == (0, 0)
    bench.deleverage(pool)
    assert bench.at(pool) == (0, 0)
    traders = bench.equity(bench.accounts["near"]) + bench.equity(bench.accounts["far"])
    assert traders == 20_000 + 100_000 + 50_000
    assert sums_hold(bench)


def test_an_order_does_not_outlive_the_pool_s_equity(bench: Bench) -> None:
    """Ordered at 125; a second update of the epoch leaves it below zero: closed whole."""
    pool = stand(bench, -LOTS)
    bench.mark(125, *REST)
    bench.limit()
    assert bench.pooled.call.last_handled(pool)[0] == bench.pool.call.epoch()
    bench.pool.transact.pay(pool, bench.accounts["far"], 44_000 * USD, sender=hand(bench))
    assert bench.equity(pool) == 50_000 - LOTS * 25 - 44_000
    assert tuple(bench.pooled.call.last_handled(pool)) == (0, 0)
    bench.deleverage(pool)
    assert bench.at(pool) == (0, 0)


def test_once_an_epoch_and_market(bench: Bench) -> None:
    pool = stand(bench, -LOTS)
    bench.mark(125, *REST)
    bench.limit()
    with refused("counterparty: wait for an epoch"):
        bench.limit()
    bench.deleverage(pool)
    assert bench.size(pool) == -152
    with refused("counterparty: within its limit"):
        bench.limit()
    with refused("adl: account is not below zero"):
        bench.adl.transact.open_jobs(pool, [(0, 0)], sender=bench.keeper)
    bench.mark(145, *REST)
    bench.limit()
    bench.deleverage(pool)
    assert bench.size(pool) == -beyond_left(152, 45, Decimal(50_000 - 98 * 25))


def test_an_order_ends_with_its_epoch(bench: Bench) -> None:
    pool = stand(bench, -LOTS)
    with refused("adl: account is not below zero"):
        bench.adl.transact.open_jobs(pool, [(0, 0)], sender=bench.keeper)
    bench.mark(125, *REST)
    bench.limit()
    bench.mark(125, *REST)
    with refused("adl: account is not below zero"):
        bench.adl.transact.open_jobs(pool, [(0, 0)], sender=bench.keeper)
    bench.limit()
    bench.deleverage(pool)
    assert bench.size(pool) == -152


def test_a_stale_market_is_not_limited(bench: Bench) -> None:
    stand(bench, -LOTS)
    bench.mark(125, *REST)
    bench.age(3_601)
    with refused("counterparty: stale mark"):
        bench.limit()


def test_only_what_is_ordered_is_closed_of_many_legs(bench: Bench) -> None:
    """Long in market 1 beside, with 2,000 of profit there: that is worth nothing yet."""
    pool = stand(bench, -LOTS)
    stand(bench, 200, 50, market=1)
    bench.mark(125, 60, 20)
    assert (worth(bench), pending(bench, 1)) == (Decimal(50_000), Decimal(0))
    bench.requote(1)
    with refused("counterparty: within its limit"):
        bench.limit(1)
    bench.limit()
    bench.deleverage(pool)
    assert (bench.size(pool), bench.size(pool, 1)) == (-152, 200)
    assert not bench.pool.call.market(1).locked
    assert sums_hold(bench)


def test_two_markets_may_be_ordered_in_one_epoch(bench: Bench) -> None:
    """6,250 in market 0, and 6,000 in market 1: each is closed down as if it stood alone."""
    pool = stand(bench, -LOTS)
    stand(bench, 200, 50, market=1)
    bench.mark(125, 20, 20)
    bench.limit()
    bench.limit(1)
    bench.deleverage(pool)
    assert bench.size(pool) == -152
    assert bench.size(pool, 1) == beyond_left(200, 30, Decimal(50_000))
    assert sums_hold(bench)


def test_a_position_that_has_turned_is_not_closed(bench: Bench) -> None:
    """By takeovers, between order and closing; one that has shrunk is closed as far as it goes."""
    pool = stand(bench, -LOTS)
    bench.mark(125, *REST)
    bench.limit()
    stand(bench, 200, 125)
    order = bench.pooled.call.order_of(pool, 0)
    assert (bench.size(pool), order.size, order.left) == (-50, 50, 50)
    stand(bench, 100, 125)
    order = bench.pooled.call.order_of(pool, 0)
    assert (bench.size(pool), order.size, order.left) == (50, 0, 0)
    bench.deleverage(pool)
    assert bench.size(pool) == 50


def test_nobody_else_is_due_by_an_order(bench: Bench) -> None:
    """`poor` is below maintenance, above zero, and on the pool's side."""
    pool = stand(bench, -LOTS)
    poor = bench.open("poor", 260)
    swap(bench, bench.accounts["far"], poor, 10, 100)
    bench.mark(125, *REST)
    assert bench.equity(poor) == 10
    bench.limit()
    assert tuple(bench.pooled.call.last_handled(poor)) == (0, 0)
    assert bench.pooled.call.order_of(poor, 0).size == 0
    assert bench.pooled.call.due_since(pool) == bench.pooled.call.due_since(poor) == 0
    with refused("adl: account is not below zero"):
        bench.adl.transact.open_jobs(poor, [(0, 0)], sender=bench.keeper)
    bench.deleverage(poor, pool)
    assert (bench.size(poor), bench.size(pool)) == (-10, -152)


def test_others_below_zero_are_closed_beside_it(bench: Bench) -> None:
    pool = stand(bench, -LOTS)
    poor = bench.open("poor", 240)
    swap(bench, bench.accounts["far"], poor, 10, 100)
    bench.mark(125, *REST)
    assert bench.equity(poor) == -10
    bench.limit()
    bench.deleverage(poor, pool)
    assert (bench.at(poor), bench.size(pool)) == ((0, 0), -152)
    assert sums_hold(bench)


def held(bench: Bench, account: int) -> Account:
    """An account as the model knows it."""
    words, _ = bench.lens.call.dump(account, 1)
    return decode_dump(words, account)[0]


def seen(bench: Bench, market: int) -> Market:
    """A market as the model knows it."""
    told = bench.pool.call.market(market)
    return Market(
        tiers=(),
        size_decimals=0,
        max_age=3_600,
        open_interest_cap=told.open_interest_cap,
        mark=told.mark,
        index=told.index,
        funding=told.funding,
    )


@pytest.mark.parametrize("seed", range(3))
def test_the_model_says_the_same(bench: Bench, seed: int) -> None:
    """At random prices, funding and sizes of both signs, to the last digit."""
    rng = seeded(seed)
    pool = bench.accounts["pool"]
    for _ in range(4):
        market = rng.randrange(2)
        lots, entry = 2 * rng.randint(1, 150) * rng.choice((-1, 1)), START[market]
        stand(bench, lots, Decimal(entry) * rng.randint(90, 110) / 100, market)
        told = []
        for number in (0, 1):
            mark = START[number] * rng.randint(70, 130) * USD // 100 + rng.randrange(USD)
            index, paid = mark + rng.randrange(USD), rng.randrange(-USD // 2, USD // 2)
            told.append((number, mark, index, paid))
        bench.pool.transact.advance(told, sender=bench.oracle)
        account, markets = held(bench, pool), [seen(bench, n) for n in range(3)]
        capital = model.worth(account, markets)
        assert bench.pooled.call.worth() == capital
        for number in (0, 1):
            leg = account.legs.get(number, Leg())
            loss = model.pending(leg, markets[number])
            assert bench.pooled.call.pending(number) == loss
            size = abs(leg.size)
            lots = model.beyond(loss, capital, size, TERMS.factor, TERMS.target)
            if lots:
                [event] = bench.limit(number).named("ProfitLimited")
                assert event.lots == lots
            else:
                with refused("counterparty: within its limit"):
                    bench.limit(number)
