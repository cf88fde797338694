"""An account of the vault with a leg in every market is closed by pages, each a transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pytest

from spillway.engines.protocol import TX_GAS_LIMIT
from spillway.rules import HYPERLIQUID_ADL, AdlRules, Price
from tests import bench as benches
from tests.bench import USD
from tests.unit.contracts.adl.stage import LIFETIME, SHORTS
from tests.unit.contracts.hand import HAND, hand

if TYPE_CHECKING:
    from collections.abc import Callable

    from spillway.build import Artifacts
    from spillway.engines import Address, Engine, Receipt
    from tests.bench import Bench

    Record = Callable[[str, object], None]

BLOCK_GAS = 30_000_000
UPDATES = 64
ASKED = 16
LEGS_OF_A_TRADER = 8


def advance(bench: Bench, markets: int, usd: int) -> None:
    """One epoch for all markets: as many updates as a call takes, several calls in a block."""
    updates = [(market, usd * USD, usd * USD, 0) for market in range(markets)]
    calls = [
        bench.pool.build.advance(updates[start : start + UPDATES], sender=bench.oracle, gas=2**23)
        for start in range(0, markets, UPDATES)
    ]
    result = bench.engine.send_block(calls, bench.engine.head.timestamp + 1)
    assert all(receipt.success for receipt in result.receipts)


class Setting(NamedTuple):
    """Rules, USD a lot at which winners are closed, and USD a market that the child keeps."""

    rules: AdlRules
    price: int
    kept: int


SETTINGS = {
    "previous mark": Setting(HYPERLIQUID_ADL, 91, 1),
    "bankruptcy": Setting(AdlRules(price=Price.BANKRUPTCY), 90, 0),
}


def deploy(
    engine: Engine,
    artifacts: Artifacts,
    admin: Address,
    keeper: Address,
    setting: Setting,
    markets: int,
) -> Bench:
    """A child long 1 lot at 100 in each market, with 10 USD a lot; each winner in 8 markets."""
    by_hand = {benches.LIQUIDATOR: engine.sender(HAND)}
    venue = benches.deploy(engine, artifacts, admin, keeper, by_hand=by_hand, closing=setting.rules)
    for _ in range(markets):
        venue.list_market(max_age=60_000)
    advance(venue, markets, 100)
    child = venue.open_backstop("child", 10 * markets)
    for market in range(markets):
        if market % LEGS_OF_A_TRADER == 0:
            winner = venue.open(f"winner {market}", 1_000)
        venue.pool.transact.exchange(market, child, winner, 1, 100 * USD, sender=hand(venue))
    advance(venue, markets, 91)
    advance(venue, markets, 89)
    return venue


def close_by_pages(bench: Bench, markets: int, steps: int) -> dict[str, list[Receipt]]:
    """A job in each market, then the closing by pages; receipts by kind."""
    child, keeper, adl = bench.accounts["child"], bench.keeper, bench.adl
    asked = [(market, 0) for market in range(markets)]
    ranking = [
        adl.transact.open_jobs(child, asked[start : start + ASKED], sender=keeper)
        for start in range(0, markets, ASKED)
    ]
    for market in range(markets):
        ranking += [
            adl.transact.scan(market, SHORTS, 1, sender=keeper),
            adl.transact.order(market, SHORTS, 0, [0], sender=keeper),
        ]
    pages = {"rank": ranking, "close": [adl.transact.close(child, 0, sender=keeper)]}
    while not pages["close"][-1].named("Closed"):
        pages["close"].append(adl.transact.close(child, steps, sender=keeper))
    return pages


def check(
    bench: Bench,
    pages: dict[str, list[Receipt]],
    setting: Setting,
    markets: int,
    record: Record,
) -> None:
    child = bench.accounts["child"]
    fills = [fill for receipt in pages["close"] for fill in receipt.named("Deleveraged")]
    assert [(fill.market, fill.quote) for fill in fills] == [
        (market, setting.price * USD) for market in range(markets)
    ]
    assert bench.pool.call.legs_of(child) == 0
    assert bench.equity(child) == setting.kept * markets
    spent = {kind: [receipt.gas_used for receipt in found] for kind, found in pages.items()}
    assert max(map(max, spent.values())) < TX_GAS_LIMIT
    assert sum(map(sum, spent.values())) < LIFETIME * BLOCK_GAS
    figures = {
        "markets": markets,
        "gas_to_rank": sum(spent["rank"]),
        "gas_to_begin": spent["close"][0],
        "gas_of_pages": sum(spent["close"][1:]),
    }
    for name, value in figures.items():
        record(name, value)
    print(figures)  # noqa: T201


@pytest.mark.parametrize("setting", SETTINGS.values(), ids=SETTINGS)
def test_a_child_in_20_markets_is_closed_by_pages(
    engine: Engine,
    artifacts: Artifacts,
    admin: Address,
    keeper: Address,
    setting: Setting,
    record_property: Record,
) -> None:
    bench = deploy(engine, artifacts, admin, keeper, setting, 20)
    pages = close_by_pages(bench, 20, steps=8)
    check(bench, pages, setting, 20, record_property)


@pytest.mark.parametrize("setting", SETTINGS.values(), ids=SETTINGS)
def test_a_child_in_all_256_markets_is_closed_within_the_life_of_its_jobs(
    engine: Engine,
    artifacts: Artifacts,
    admin: Address,
    keeper: Address,
    setting: Setting,
    record_property: Record,
) -> None:
    bench = deploy(engine, artifacts, admin, keeper, setting, 256)
    pages = close_by_pages(bench, 256, steps=64)
    check(bench, pages, setting, 256, record_property)
