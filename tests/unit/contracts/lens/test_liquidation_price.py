"""The liquidation price is the last safe one, to the last unit, in every tier and on both sides."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from spillway.model import margin
from spillway.model.margin import Market, Tier
from tests.rng import seeded
from tests.unit.contracts.margin_pool.stand import MAX_PRICE, USD, Stand

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spillway.engines import Address, Contract
    from spillway.model.words import Account

SCHEDULES: tuple[tuple[tuple[int, int], ...], ...] = (
    ((0, 40), (150_000_000, 20)),
    ((0, 50), (1_000, 20), (5_000, 10), (20_000, 5), (100_000, 3)),
    ((0, 255), (1, 2), (2, 1)),
    ((0, 1),),
)
LISTED = 1  # the first of these markets in the pool


@pytest.fixture
def listed(stand: Stand) -> list[Market]:
    """A market for each schedule, as the model sees it; that of the stand comes first."""
    for schedule in SCHEDULES:
        stand.list_market(tiers=schedule, cap=2**54 - 1)
    tiers = [((0, 10),), *SCHEDULES]
    return [Market(tuple(Tier(*tier) for tier in each), 0, 60, 2**54 - 1) for each in tiers]


def marked(stand: Stand, listed: Sequence[Market], marks: Sequence[int]) -> list[Market]:
    stand.post(*[(place, mark, mark, 0) for place, mark in enumerate(marks)])
    return [replace(market, mark=mark) for market, mark in zip(listed, marks, strict=True)]


def found(glass: Contract, account: int, market: int) -> int:
    price: int = glass.call.liquidation_price(account, market)
    return price


def expected(stand: Stand, account: int, market: int, markets: Sequence[Market]) -> int:
    decoded: Account = stand.accounts()[account]
    return margin.liquidation_price(decoded, market, markets) or 0


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("side", [1, -1])
def test_is_that_of_the_model(
    stand: Stand,
    glass: Contract,
    listed: list[Market],
    trader: Address,
    maker: Address,
    seed: int,
    side: int,
) -> None:
    """Two legs each, of any size and worth; equity from ruin to riches."""
    rng = seeded(f"{seed} {side}")
    buyer, seller = (stand.open(trader), stand.open(maker))[::side]
    marks = [rng.randrange(1, 10 ** rng.randrange(1, 24)) for _ in listed]
    markets = marked(stand, listed, marks)
    legs = rng.sample(range(LISTED, len(listed)), 2)
    for market in legs:
        lots = rng.randrange(1, 10 ** rng.randrange(1, 9))
        price = marks[market] * rng.randint(1, 300) // 100
        stand.exchange(buyer, seller, lots, lots * price + rng.randint(-9, 9), market)

    for account in (buyer, seller):
        for market in legs:
            assert found(glass, account, market) == expected(stand, account, market, markets)


@pytest.mark.parametrize("side", [1, -1])
@pytest.mark.parametrize("bound", [1, 2])
@pytest.mark.parametrize("dust", range(-3, 4))
def test_is_exact_beside_the_bound_of_a_tier(
    stand: Stand,
    glass: Contract,
    listed: list[Market],
    trader: Address,
    maker: Address,
    side: int,
    bound: int,
    dust: int,
) -> None:
    """One lot: a price is a notional, and equity meets maintenance a few units off the bound."""
    market = LISTED + 2
    account, against = stand.open(trader), stand.open(maker)
    buyer, seller = (account, against) if side > 0 else (against, account)
    at = bound * USD
    markets = marked(stand, listed, [at if place == market else 1 for place in range(len(listed))])
    needed = margin.maintenance(markets[market].tiers, at)
    quote = at - side * (needed + dust)
    stand.exchange(buyer, seller, 1, quote, market)

    price = found(glass, account, market)

    assert price == expected(stand, account, market, markets)
    assert abs(price - at) <= 2 * abs(dust)


def test_is_the_last_mark_at_which_the_pool_finds_the_account_safe(
    stand: Stand, glass: Contract, listed: list[Market], trader: Address, maker: Address
) -> None:
    market = LISTED + 1
    long, short = stand.open(trader, 12_345), stand.open(maker, 12_345)
    marked(stand, listed, [USD * 1_000] * len(listed))
    stand.exchange(long, short, 77, 77_000 * USD + 7, market)

    for account, beyond in ((long, -1), (short, 1)):
        price = found(glass, account, market)
        for mark, safe in ((price, True), (price + beyond, False)):
            stand.post((market, mark, mark, 0))
            health = stand.pool.call.health(account)
            assert (health.equity >= health.maintenance) is safe
        stand.post((market, 1_000 * USD, 1_000 * USD, 0))


@pytest.mark.parametrize("mark", [1, MAX_PRICE])
def test_does_not_overflow(
    stand: Stand, glass: Contract, listed: list[Market], trader: Address, maker: Address, mark: int
) -> None:
    market, lots = LISTED + 2, 2**54 - 1
    long, short = stand.open(trader), stand.open(maker)
    markets = marked(stand, listed, [mark] * len(listed))
    stand.exchange(long, short, lots, lots * mark, market)

    for account in (long, short):
        assert found(glass, account, market) == expected(stand, account, market, markets)


def test_there_is_none_without_a_position(stand: Stand, glass: Contract, trader: Address) -> None:
    account = stand.open(trader, 100)
    stand.rest(account, bids=1)

    assert found(glass, account, 0) == 0
    assert found(glass, account, 7) == 0
