"""The price below which no lot is sold, and what a liquidation costs its account."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from math import ceil, floor
from typing import TYPE_CHECKING, Any

import pytest

from spillway.model.liquidation import bankruptcy_limit
from spillway.model.margin import Health, Market, Tier
from spillway.model.words import Leg
from tests.bench import FEES, USD
from tests.rng import seeded
from tests.unit.contracts.hand import hand, sums_hold, swap
from tests.unit.contracts.liquidator.ward import (
    ONE_UNIT,
    RESTORED,
    TAKEN_OVER,
    WAITS,
    maker,
    open_long,
    open_short,
    outcome,
    rich,
)

if TYPE_CHECKING:
    from spillway.engines import Receipt
    from tests.bench import Bench

TAKER_FEE = 450  # ppm
LEAST_PRICE = 10**12


def entered(receipt: Receipt) -> Any:
    """The one order of the book layer."""
    (event,) = receipt.named("BookEntered")
    return event


# --- the formula ----------------------------------------------------------------------------


def test_the_limit_of_a_long_is_mark_less_its_equity_a_lot(bench: Bench) -> None:
    account = open_long(bench, 270)
    bench.mark(80)
    assert entered(bench.liquidate(account)).limit == (80 - 7) * USD


def test_the_limit_of_a_short_is_mark_and_its_equity_a_lot(bench: Bench) -> None:
    account = open_short(bench, 310)
    bench.mark(120)
    assert entered(bench.liquidate(account)).limit == (120 + 11) * USD


@pytest.mark.parametrize("opener", [open_long, open_short])
def test_what_does_not_divide_is_rounded_for_the_account(bench: Bench, opener: Any) -> None:
    """7 lots and 50.000001 USD: the share of a lot has no end, and the limit stops short of it."""
    account = opener(bench, 190 + ONE_UNIT, lots=7)
    mark = 80 if opener is open_long else 120
    bench.mark(mark)
    equity = Fraction(bench.pool.call.health(account).equity)
    limit = entered(bench.liquidate(account)).limit
    if opener is open_long:
        assert limit == ceil(mark * USD - equity / 7)
    else:
        assert limit == floor(mark * USD + equity / 7)
    assert abs(limit - mark * USD) * 7 < equity < (abs(limit - mark * USD) + 1) * 7


def test_the_limit_of_a_slice_is_that_of_the_whole(bench: Bench) -> None:
    """By the lots that are sold it would lie five times as far, and they would eat all equity."""
    account = bench.open("large", 18_000)
    swap(bench, account, rich(bench), 2_000, 100)
    event = entered(bench.liquidate(account))
    assert (event.lots, event.limit) == (400, 91 * USD)


def test_each_leg_has_its_share_of_equity_by_maintenance(bench: Bench) -> None:
    """Maintenance 80 and 20, equity 90: the legs may lose 72 and 18."""
    account = bench.open("spread", 90)
    swap(bench, account, rich(bench), 8, 100)
    swap(bench, rich(bench), account, 4, 50, market=1)
    limits = {event.market: event.limit for event in bench.liquidate(account).named("BookEntered")}
    assert limits == {0: (100 - 9) * USD, 1: (50 + 18 // 4) * USD + USD // 2}


def test_the_fee_is_kept_back_from_the_limit(charging: Bench) -> None:
    account = open_long(charging, 270)
    charging.mark(80)
    fee = -(-800 * USD * TAKER_FEE // 10**6)
    limit = entered(charging.liquidate(account)).limit
    assert limit == 80 * USD - (70 * USD - fee) // 10


def test_a_fee_above_equity_leaves_mark_as_the_limit(charging: Bench) -> None:
    account = open_long(charging, 200 + Decimal("0.3"))
    charging.mark(80)
    assert entered(charging.liquidate(account)).limit == 80 * USD


def test_a_limit_is_at_least_one_tick(bench: Bench) -> None:
    """A million lots at one tick, with half of their maintenance margin left."""
    mark = LEAST_PRICE
    account, lots = bench.open("dust", Decimal("0.05")), 10**6
    bench.pool.transact.exchange(0, account, rich(bench), lots, lots * mark, sender=hand(bench))
    bench.pool.transact.advance([(0, mark, mark, 0)], sender=bench.oracle)
    health = bench.pool.call.health(account)
    assert health.equity * 2 == health.maintenance
    assert mark - health.equity // lots < LEAST_PRICE
    assert entered(bench.liquidate(account)).limit == LEAST_PRICE


@pytest.mark.parametrize("seed", range(8))
def test_limits_are_those_of_the_model(charging: Bench, seed: int) -> None:
    rng = seeded(seed)
    account = charging.open("drawn", 10**6)
    sizes: list[int] = []
    for market, price in enumerate((100, 50, 20)):
        lots = rng.randrange(1, 400)
        side = rng.choice([1, -1])
        sizes.append(side * lots)
        pair = (account, rich(charging)) if side > 0 else (rich(charging), account)
        swap(charging, *pair, lots, price, market)
    health = charging.pool.call.health(account)
    surplus = health.equity - health.maintenance * rng.randrange(67, 100) // 100
    charging.pool.transact.pay(account, rich(charging), surplus, sender=hand(charging))
    health = charging.pool.call.health(account)
    first = charging.liquidate(account).named("BookEntered")[0]
    mark = charging.pool.call.market(first.market).mark
    twin = Market((Tier(0, 5),), 0, 600, 10**12, mark=mark)
    fee = -(-first.lots * mark * TAKER_FEE // 10**6)
    seen = Health(health.equity, health.maintenance, 0, 0, 0, 0)
    assert first.limit == bankruptcy_limit(Leg(size=sizes[first.market]), twin, seen, fee)


# --- what it does -----------------------------------------------------------------------------


def test_a_bid_at_the_limit_is_hit_and_one_a_tick_below_is_not(bench: Bench) -> None:
    account = open_long(bench, 270)
    bench.mark(75)
    bench.place(maker(bench), 4, 73)
    bench.place(maker(bench), 6, Decimal("72.999"))
    bench.mark(80)
    receipt = bench.liquidate(account)
    event = entered(receipt)
    assert (event.limit, event.filled, event.quote) == (73 * USD, 4, 4 * 73 * USD)
    assert bench.size(account) == 6


def test_an_ask_at_the_limit_is_hit_and_one_a_tick_above_is_not(bench: Bench) -> None:
    account = open_short(bench, 310)
    bench.mark(125)
    bench.place(maker(bench), -4, 131)
    bench.place(maker(bench), -6, Decimal("131.01"))
    bench.mark(120)
    event = entered(bench.liquidate(account))
    assert (event.limit, event.filled, event.quote) == (131 * USD, 4, 4 * 131 * USD)


def test_a_sweep_takes_the_best_prices_first_and_none_beyond_its_limit(bench: Bench) -> None:
    account = open_long(bench, 270)
    bench.mark(80)
    for lots, price in ((2, 79), (1, 74), (3, 77), (5, 72)):
        bench.place(maker(bench), lots, price)
    event = entered(bench.liquidate(account))
    assert (event.filled, event.quote) == (6, (2 * 79 + 3 * 77 + 74) * USD)
    assert bench.equity(account) == 70 - 2 - 9 - 6


def test_sold_whole_at_its_limit_an_account_ends_at_zero(bench: Bench) -> None:
    account = open_long(bench, 270)
    bench.mark(80)
    bench.place(maker(bench), 10, 73)
    receipt = bench.liquidate(account)
    assert outcome(receipt, account) == RESTORED
    assert bench.at(account) == (0, 0)
    assert sums_hold(bench)


def test_sold_whole_at_its_limit_an_account_pays_its_fee_and_is_not_below_zero(
    charging: Bench,
) -> None:
    account = open_long(charging, 270)
    charging.mark(80)
    limit_usd = Decimal("73.036")
    charging.place(maker(charging), 10, Decimal("73.04"))
    receipt = charging.liquidate(account)
    assert entered(receipt).limit == limit_usd * USD
    fee = Decimal("730.4") * TAKER_FEE / 10**6
    assert charging.at(account) == (0, 70 - 10 * (80 - Decimal("73.04")) - fee)
    assert charging.quote(FEES) == fee


@pytest.mark.parametrize("cents", [0, 1, 35, 36, 37])
def test_a_fee_never_makes_bad_debt(charging: Bench, cents: int) -> None:
    """The fee would be 0.36; with less than that left it takes what there is."""
    left = Decimal(cents) / 100
    account = open_long(charging, 200 + left)
    charging.mark(80)
    charging.place(maker(charging), 10, 80)
    receipt = charging.liquidate(account)
    assert outcome(receipt, account) == RESTORED
    fee = min(left, Decimal("0.36"))
    assert charging.at(account) == (0, left - fee)
    assert charging.quote(FEES) == fee


def test_a_partial_sale_leaves_the_rest_no_worse_off_than_its_limit(bench: Bench) -> None:
    """What is sold at the limit takes its share of equity alone: 7 a lot stay for each other."""
    account = open_long(bench, 270)
    bench.mark(80)
    bench.place(maker(bench), 4, 73)
    bench.liquidate(account)
    assert bench.at(account)[0] == 6
    assert bench.equity(account) == 6 * 7


def test_after_a_sale_the_account_is_judged_anew(bench: Bench) -> None:
    """6 lots with 42 need 48, and two thirds of it are 32: it waits, and is not taken over."""
    account = open_long(bench, 270)
    bench.mark(80)
    bench.place(maker(bench), 4, 73)
    assert outcome(bench.liquidate(account), account) == WAITS


def test_takeover_follows_in_the_same_call_where_the_sale_was_not_enough(bench: Bench) -> None:
    account = open_long(bench, 250)
    bench.mark(80)
    bench.place(maker(bench), 4, 75)
    receipt = bench.liquidate(account)
    assert outcome(receipt, account) == TAKEN_OVER
    assert entered(receipt).filled == 4
    assert bench.at(account) == (0, 0)
    assert bench.at(bench.accounts["child"]) == (6, 1_000 + 30 - 480)


def test_an_empty_book_waits_and_says_so(bench: Bench) -> None:
    account = open_long(bench, 270)
    bench.mark(80)
    receipt = bench.liquidate(account)
    event = entered(receipt)
    assert (event.lots, event.filled, event.quote) == (10, 0, 0)
    assert outcome(receipt, account) == WAITS
