"""Where the pool quotes, and how much."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from tests.bench import ALO, IOC, USD
from tests.chain import refused
from tests.unit.contracts.counterparty.house import LOTS, quotes, stand, worth
from tests.unit.contracts.hand import START, sums_hold

if TYPE_CHECKING:
    from tests.bench import Bench

REST = START[1:]


def advance(bench: Bench, mark: Decimal | int | str, index: Decimal | int | str) -> None:
    """Open an epoch with an index of its own in market 0."""
    told = [(0, int(Decimal(mark) * USD), int(Decimal(index) * USD), 0)]
    bench.pool.transact.advance(told, sender=bench.oracle)


def test_both_sides_stand_at_the_spread_for_the_reserve(bench: Bench) -> None:
    """0.1 % of 100, and 250 lots of 100 are half of 50,000."""
    bench.requote()
    assert quotes(bench) == {"bid": (Decimal("99.9"), LOTS), "ask": (Decimal("100.1"), LOTS)}


def test_a_price_that_is_not_legal_goes_outwards(bench: Bench) -> None:
    """0.10001 from 100.01 are 99.90999 and 100.11001: with five digits 99.909 and 100.12."""
    advance(bench, "100.01", "100.01")
    bench.requote()
    assert {side: price for side, (price, _) in quotes(bench).items()} == {
        "bid": Decimal("99.909"),
        "ask": Decimal("100.12"),
    }


def test_it_follows_the_index_and_not_the_mark(bench: Bench) -> None:
    bench.requote()
    advance(bench, 102, 110)
    bench.requote()
    # 25,000 are 227.27 lots of 110, and 110 * 0.999 = 109.89.
    assert quotes(bench) == {"bid": (Decimal("109.89"), 227), "ask": (Decimal("110.11"), 227)}


def test_who_calls_again_changes_nothing(bench: Bench) -> None:
    bench.requote()
    before = quotes(bench)
    bench.pooled.transact.quote(0, sender=bench.engine.sender(30))
    assert quotes(bench) == before
    assert len(bench.book.call.orders_of(bench.accounts["pool"])) == 2


def test_a_taker_meets_it_and_the_reserve_shrinks(bench: Bench) -> None:
    pool, trader = bench.accounts["pool"], bench.open("trader", 20_000)
    bench.requote()
    bench.place(trader, 100, Decimal("100.1"), IOC)
    assert bench.at(pool) == (-100, 50_000 + 10_010)
    bench.requote()
    assert {side: lots for side, (_, lots) in quotes(bench).items()} == {"bid": 350, "ask": 150}
    assert sums_hold(bench)


@pytest.mark.parametrize(("lots", "left"), [(-LOTS, "bid"), (LOTS, "ask"), (2 * LOTS, "ask")])
def test_a_full_reserve_only_quotes_what_makes_it_smaller(
    bench: Bench, lots: int, left: str
) -> None:
    stand(bench, lots)
    bench.requote()
    assert {side: n for side, (_, n) in quotes(bench).items()} == {left: abs(lots) + LOTS}


def test_what_is_pending_is_no_loss_of_worth_and_what_is_realised_is(bench: Bench) -> None:
    """At 112 the reserve is 25,000 / 112 = 223 lots. 100 bought back 11.88 dearer cost 1,188."""
    pool = stand(bench, -LOTS)
    bench.mark(112, *REST)
    bench.requote()
    assert quotes(bench) == {"bid": (Decimal("111.88"), 223 + LOTS)}
    bench.place(bench.accounts["far"], -100, Decimal("111.88"), IOC)
    bench.requote()
    assert bench.size(pool) == -150
    assert worth(bench) == 50_000 - 1_188
    # 24,406 / 112 = 217.9
    assert {side: lots for side, (_, lots) in quotes(bench).items()} == {"bid": 367, "ask": 67}


def test_below_the_least_order_nothing_is_placed(empty: Bench) -> None:
    """Half of 16 USD are two lots of 4, which is 8; half of 24 are three."""
    empty.open_pooled("pool", 16)
    empty.mark(4, *REST)
    empty.requote()
    assert quotes(empty) == {}
    empty.give_pooled(8)
    empty.requote()
    assert quotes(empty) == {"bid": (Decimal("3.996"), 3), "ask": (Decimal("4.004"), 3)}


def test_a_quote_out_of_the_band_is_left_out(bench: Bench) -> None:
    """The band around a mark of 100 ends at 110: an ask at 110.11 does not fit, a bid does."""
    bench.requote()
    advance(bench, 100, 110)
    bench.requote()
    assert set(quotes(bench)) == {"bid"}
    advance(bench, 100, 90)
    bench.requote()
    assert set(quotes(bench)) == {"ask"}


def test_short_of_margin_it_only_cancels(bench: Bench) -> None:
    """At 280 it is worth 50,000, of which 5,000 are left: 250 lots need 14,000."""
    stand(bench, -LOTS)
    bench.requote(0)
    bench.requote(1)
    bench.mark(280, *REST)
    for market in (1, 2):
        bench.requote(market)
        assert quotes(bench, market) == {}
    bench.give_pooled(20_000)
    bench.requote(2)
    assert set(quotes(bench, 2)) == {"bid", "ask"}


def test_at_the_cap_on_open_interest_nothing_is_placed(bench: Bench) -> None:
    market = bench.list_market(cap=100)
    bench.mark(*START, 100)
    stand(bench, -98, market=market)
    bench.requote(market)
    assert {side: lots for side, (_, lots) in quotes(bench, market).items()} == {
        "bid": 100 + 98,
        "ask": 100 - 98,
    }
    stand(bench, -2, market=market)
    bench.requote(market)
    assert quotes(bench, market) == {}


def test_a_side_that_would_cross_waits(bench: Bench) -> None:
    maker = bench.open("maker", 10_000)
    bench.place(maker, -10, Decimal("99.5"), ALO)
    receipt = bench.requote()
    assert set(quotes(bench)) == {"ask"}
    [skipped] = receipt.named("Skipped")
    assert (skipped.account, skipped.is_bid) == (bench.accounts["pool"], True)


def test_a_stale_market_is_not_quoted(bench: Bench) -> None:
    bench.requote()
    bench.age(3_601)
    with refused("counterparty: stale mark"):
        bench.requote()
    with refused("counterparty: stale mark"):
        bench.requote(9)


def test_a_locked_market_is_not_quoted(bench: Bench) -> None:
    """Ordered, ranked and not closed in its epoch: the job keeps the market locked."""
    pool = stand(bench, -LOTS)
    bench.mark(125, *REST)
    bench.limit()
    bench.adl.transact.open_jobs(pool, [(0, 0)], sender=bench.keeper)
    bench.mark(125, *REST)
    with refused("counterparty: market is locked"):
        bench.requote()
    bench.requote(1)
    bench.adl.transact.end_job(0, True, sender=bench.keeper)
    bench.requote()
    assert set(quotes(bench)) == {"bid"}


def test_nothing_is_quoted_while_a_closing_is_ordered(bench: Bench) -> None:
    """Else anyone could put an order in the way of it, in any market of the pool's."""
    stand(bench, -LOTS)
    bench.mark(125, *REST)
    bench.requote(0)
    bench.requote(1)
    bench.limit()
    assert bench.book.call.orders_of(bench.accounts["pool"]) == ()
    for market in (0, 1):
        with refused("counterparty: closing is ordered"):
            bench.requote(market)
    bench.mark(125, *REST)
    bench.requote(1)
    assert set(quotes(bench, 1)) == {"bid", "ask"}
