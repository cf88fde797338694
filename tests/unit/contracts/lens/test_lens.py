"""What the Lens shows is what the pool, the book and the ranking say."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from spillway.errors import Reverted
from tests import bench as benches
from tests.bench import GTC, USD, Bench

if TYPE_CHECKING:
    from spillway.build import Artifacts
    from spillway.engines import Address, Contract, Engine

SHORTS, LONGS = False, True


@pytest.fixture
def bench(engine: Engine, artifacts: Artifacts, admin: Address, keeper: Address) -> Bench:
    """A long of 10 at 100 against two shorts of 4 and 6, and funding of 1 a lot paid by longs."""
    venue = benches.deploy(engine, artifacts, admin, keeper)
    venue.list_market()
    venue.mark(100)
    for name, usd in {"long": 200, "small": 100, "large": 500}.items():
        venue.open(name, usd)
    a = venue.accounts
    venue.trade(a["long"], a["small"], 4, 100)
    venue.trade(a["long"], a["large"], 6, 100)
    venue.mark(100, funding=[1])
    return venue


@pytest.fixture
def lens(bench: Bench, artifacts: Artifacts, admin: Address) -> Contract:
    book, adl = bench.book.address, bench.adl.address
    return bench.engine.deploy(artifacts["Lens"], bench.pool.address, book, adl, sender=admin)


def test_an_account_shows_what_it_holds_and_needs(bench: Bench, lens: Contract) -> None:
    long = bench.accounts["long"]
    shown = lens.call.account(long)
    (leg,) = shown.legs
    assert shown.owner == bench.owners[long]
    assert (shown.flat, shown.senior, shown.protocol, shown.isolated_to) == (False, False, False, 0)
    assert shown.quote == (200 - 1_000 - 10) * USD
    assert shown.equity == 190 * USD
    assert (shown.maintenance, shown.initial) == (100 * USD, 200 * USD)
    assert (leg.market, leg.size, leg.mark) == (0, 10, 100 * USD)
    assert leg.pnl == -10 * USD
    assert leg.break_even == 101 * USD


def test_resting_lots_are_shown_with_their_leg(bench: Bench, lens: Contract) -> None:
    large = bench.accounts["large"]
    bench.place(large, 2, 95, GTC)
    (leg,) = lens.call.account(large).legs
    assert (leg.resting_bids, leg.resting_asks) == (2, 0)


def test_a_flat_account_is_senior_and_has_no_legs(bench: Bench, lens: Contract) -> None:
    shown = lens.call.account(bench.open("flat", 50))
    assert (shown.flat, shown.senior, shown.legs) == (True, True, ())
    assert shown.quote == shown.equity == 50 * USD


def test_the_liquidation_price_divides_safe_from_liquidatable(bench: Bench, lens: Contract) -> None:
    for name, toward_loss in (("long", -1), ("small", 1)):
        account = bench.accounts[name]
        price = lens.call.liquidation_price(account, 0)
        for mark, safe in ((price, True), (price + toward_loss, False)):
            update = (0, mark, mark, 0)
            bench.pool.transact.advance([update], sender=bench.oracle)
            health = bench.pool.call.health(account)
            assert (health.equity >= health.maintenance) == safe


def test_the_liquidation_price_uses_the_tier_of_the_price_it_leads_to(
    engine: Engine, artifacts: Artifacts, admin: Address, keeper: Address
) -> None:
    # Long 2,000 BTC at 100,000 with 60M of equity, 40x up to 150M and 20x above. At the price p:
    # 60M + 2,000 * (p - 100,000) = 2,000 * p / 80, which is below 150M, so p = 140M / 1,975.
    bench = benches.deploy(engine, artifacts, admin, keeper)
    bench.list_market(40, tiers=[(150_000_000, 20)])
    bench.mark(100_000)
    long, short = bench.open("long", 60_000_000), bench.open("short", 60_000_000)
    bench.trade(long, short, 2_000, 100_000)
    book, adl = bench.book.address, bench.adl.address
    lens = engine.deploy(artifacts["Lens"], bench.pool.address, book, adl, sender=admin)
    price = Decimal(lens.call.liquidation_price(long, 0)) / USD
    assert round(price, 2) == round(Decimal(140_000_000) / 1_975, 2) == Decimal("70886.08")


def test_an_account_that_no_price_endangers_has_no_liquidation_price(
    bench: Bench, lens: Contract
) -> None:
    rich = bench.open("rich", 10_000)
    bench.trade(rich, bench.accounts["large"], 1, 100)
    assert lens.call.liquidation_price(rich, 0) == 0
    assert lens.call.liquidation_price(bench.open("flat", 1), 0) == 0


def test_the_rank_counts_the_holders_with_higher_keys(bench: Bench, lens: Contract) -> None:
    bench.mark(90)
    ranked = sorted(bench.keys(0, SHORTS), reverse=True)
    order = [2**32 - 1 - (key >> 24 & 2**32 - 1) for key, _ in ranked]
    assert len(order) == 2
    for ahead, account in enumerate(order):
        pages = (lens.call.holders_ahead(account, 0, start, 1) for start in range(2))
        assert sum(pages) == lens.call.holders_ahead(account, 0, 0, 32) == ahead


def test_an_account_without_a_position_has_no_rank(bench: Bench, lens: Contract) -> None:
    assert lens.call.holders_ahead(bench.accounts["long"], 0, 0, 32) == 0
    with pytest.raises(Reverted, match="lens: no position"):
        lens.call.holders_ahead(bench.open("flat", 1), 0, 0, 32)


def test_totals_and_markets_are_those_of_the_pool(bench: Bench, lens: Contract) -> None:
    bench.place(bench.accounts["large"], 2, 95, GTC)
    totals, market = lens.call.totals(), lens.call.market(0)
    assert (totals.custody, totals.deficit) == (800 * benches.UNITS, 0)
    assert (totals.accounts, totals.markets) == (5, 1)
    assert totals.epoch == bench.pool.call.epoch()
    assert (market.state.open_interest, market.longs, market.shorts) == (10, 1, 2)
    assert (market.tops.bid, market.tops.ask, market.pot) == (95 * USD, 0, 0)
