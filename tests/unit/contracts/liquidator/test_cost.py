"""Whoever fills the book and the markets, each step of the waterfall fits into a transaction."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from itertools import cycle
from typing import TYPE_CHECKING

import pytest

from spillway.engines.protocol import TX_GAS_LIMIT
from spillway.rules import Layer
from tests.bench import ALO, IOC, USD
from tests.takers import ended
from tests.unit.contracts.hand import hand, swap
from tests.unit.contracts.liquidator import ward as wards
from tests.unit.contracts.liquidator.ward import TAKEN_OVER, outcome, rich

if TYPE_CHECKING:
    from collections.abc import Iterator

    from spillway.build import Artifacts
    from spillway.engines import Address, Engine, Receipt
    from tests.bench import Bench

MARKETS, LEGS, SEATS, PAGE, PROVIDERS = 256, 8, 32, 64, 4
LOTS, PRICE = 1_000, 100
# Five tiers to walk to the last, which all that happens here is in: maintenance is about a tenth.
TIERS = ((1, 8), (2, 7), (3, 6), (4, 5))
# What one order meets, one that only reduces for an account of many legs, and a liquidation.
MAX_MAKERS, FEW_MAKERS, MAKERS_OF_A_TURN = 32, 16, 48
MANY_LEGS = 64
MAKERS_MET = 4


@pytest.fixture(scope="module")
def deployed_wide(
    engine: Engine, artifacts: Artifacts, admin: Address, keeper: Address
) -> Iterator[Bench]:
    """As many markets as there can be, and a backstop with a position in each.

    It takes half an hour of the chain's time, in which the marks of others would grow stale: gone
    again with this module.
    """
    token = engine.snapshot()
    bench = wards.deploy(
        engine, artifacts, admin, keeper, taker_fee=450, maker_fee=150, providers=Layer("")
    )
    while bench.pool.call.market_count() < MARKETS:
        bench.list_market(9, tiers=TIERS)
    post(bench)
    child = bench.open_backstop("child", 10**6)
    for market in range(MARKETS):
        swap(bench, child, rich(bench), LOTS, PRICE, market)
    yield bench
    engine.revert(token)


@pytest.fixture
def bench(deployed_wide: Bench) -> Bench:
    """The wide venue, its marks new."""
    accounts, owners = dict(deployed_wide.accounts), dict(deployed_wide.owners)
    venue = replace(deployed_wide, accounts=accounts, owners=owners)
    post(venue)
    return venue


def post(bench: Bench) -> None:
    """All marks anew."""
    for first in range(0, MARKETS, PAGE):
        updates = [(m, PRICE * USD, PRICE * USD, 0) for m in range(first, first + PAGE)]
        bench.pool.transact.advance(updates, sender=bench.oracle)


def wall(bench: Bench, owner: Address, market: int, count: int, others: Iterator[int]) -> None:
    """Bids of one lot from 99.9 USD down, each of an account of its own with eight legs.

    They stand 0.2 USD apart, so that nearly each empties a node of the book's tree.
    """
    for index in range(count):
        account = bench.open("", 10_000, owner)
        for _ in range(LEGS - 1):
            swap(bench, account, rich(bench), 1, PRICE, next(others))
        bench.place(account, 1, Decimal("99.9") - index * Decimal("0.2"), ALO, market)


def test_the_dearest_account_is_liquidated_in_one_transaction(bench: Bench, maker: Address) -> None:
    """32 orders go, 48 makers with eight legs are met, eight legs pass to an account of 256.

    Before that, as many providers as there can be are weighed: none has the margin for it.
    """
    held = range(MARKETS - LEGS, MARKETS)
    others = cycle(range(MARKETS - LEGS))
    loser = bench.open("loser", 10**6)
    for market in held:
        swap(bench, loser, rich(bench), LOTS, PRICE, market)
    for index in range(SEATS):
        price = Decimal(99) - index * Decimal("0.26")
        bench.place(loser, 1, price, ALO, held[index % LEGS])
    for market in held[:2]:
        wall(bench, maker, market, MAX_MAKERS, others)
    for _ in range(PROVIDERS):
        provider = bench.open("", 200_000, maker)
        for market in held:
            swap(bench, provider, rich(bench), LOTS, PRICE, market)
        bench.pledge(provider, 10**9)
    post(bench)
    health = bench.pool.call.health(loser)
    excess = health.equity - health.maintenance * 66 // 100
    bench.pool.transact.pay(loser, rich(bench), excess, sender=hand(bench))

    receipt = bench.liquidate(loser)

    assert len(receipt.named("Removed")) == SEATS
    assert len(receipt.named("Filled")) == MAKERS_OF_A_TURN
    assert outcome(receipt, loser) == TAKEN_OVER
    # What storage gives back comes after the end, and the limit is met before.
    assert receipt.gas_used < TX_GAS_LIMIT * 9 // 10


def shed(bench: Bench, lots: int) -> Receipt:
    """What the vault's `shed` does: the backstop sells, reduce-only and at once."""
    child = bench.accounts["child"]
    return bench.place(child, -lots, 93, IOC, MARKETS - 1, reduce_only=True)


def test_a_backstop_in_all_markets_sheds_whoever_stands_there(bench: Bench, maker: Address) -> None:
    """The pool weighs 256 legs after each fill: 32 makers would be too many for a transaction."""
    wall(bench, maker, MARKETS - 1, MAX_MAKERS, cycle(range(MARKETS - LEGS)))
    post(bench)

    receipt = shed(bench, LOTS)

    taken = ended(receipt)
    assert (taken.filled, taken.end) == (FEW_MAKERS, MAKERS_MET)
    assert receipt.gas_used < TX_GAS_LIMIT * 9 // 10


@pytest.mark.parametrize(("legs", "met"), [(MANY_LEGS, MAX_MAKERS), (MANY_LEGS + 1, FEW_MAKERS)])
def test_few_makers_are_for_accounts_with_many_legs(
    bench: Bench, maker: Address, legs: int, met: int
) -> None:
    for market in range(MARKETS - legs):
        swap(bench, rich(bench), bench.accounts["child"], LOTS, PRICE, market)
    quoter = bench.open("quoter", 10_000, maker)
    for _ in range(MAX_MAKERS):
        bench.place(quoter, 1, 99, ALO, MARKETS - 1)
    post(bench)

    assert ended(shed(bench, LOTS)).filled == met
