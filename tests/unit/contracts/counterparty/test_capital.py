"""The pool's account and what is in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from spillway.rules import CounterpartyTerms
from tests.bench import UNITS, USD
from tests.chain import refused
from tests.unit.contracts.counterparty import house
from tests.unit.contracts.counterparty.house import TERMS, worth

if TYPE_CHECKING:
    from collections.abc import Callable

    from spillway.build import Artifacts
    from spillway.engines import Contract
    from tests.bench import Bench

RETURNS_FALSE, TAKES_FEE = 2, 16  # modes of the token


def test_anyone_opens_one_account_once(empty: Bench) -> None:
    pool = empty.open_pooled("pool")
    assert empty.pool.call.owner_of(pool) == empty.pooled.address
    assert not empty.pool.call.health(pool).protocol
    assert empty.pooled.call.account() == pool
    with refused("counterparty: already open"):
        empty.pooled.transact.open(sender=empty.keeper)


@pytest.mark.parametrize(
    "act",
    [
        lambda bench: bench.pooled.transact.give(1, sender=bench.keeper),
        lambda bench: bench.requote(),
        lambda bench: bench.limit(),
    ],
    ids=["give", "quote", "limit"],
)
def test_nothing_goes_before_it_is_open(empty: Bench, act: Callable[[Bench], object]) -> None:
    with refused("counterparty: not open"):
        act(empty)
    trader = empty.open("trader", 100)
    assert empty.pooled.call.backstop_for(trader) == 0
    assert empty.pooled.call.allowance() == 0


def test_what_anyone_gives_is_the_pool_s(bench: Bench) -> None:
    pool = bench.accounts["pool"]
    assert bench.equity(pool) == worth(bench) == house.WORTH
    bench.give_pooled(7)
    assert bench.equity(pool) == house.WORTH + 7
    assert bench.usdc.call.balanceOf(bench.pooled.address) == 0


def test_nobody_gets_it_back(bench: Bench) -> None:
    pool, outsider = bench.accounts["pool"], bench.open("outsider", 10)
    owner = bench.owners[outsider]
    with refused("pool: not the owner"):
        bench.pool.transact.transfer(pool, outsider, USD, sender=owner)
    with refused("custody: not the owner"):
        bench.custody.transact.request_withdrawal(pool, UNITS, owner, sender=owner)
    with refused("book: not the owner"):
        bench.book.transact.place(pool, 0, (True, USD, 100, 0, False), sender=owner)


@pytest.mark.parametrize(
    ("mode", "reason"),
    [
        (RETURNS_FALSE, "counterparty: token failed"),
        (TAKES_FEE, "counterparty: token took a fee"),
    ],
)
def test_a_gift_is_what_arrives(bench: Bench, mode: int, reason: str) -> None:
    bench.usdc.transact.behave(mode, sender=bench.admin)
    with refused(reason):
        bench.give_pooled(1)
    assert bench.equity(bench.accounts["pool"]) == house.WORTH


@pytest.fixture
def deploy(bench: Bench, artifacts: Artifacts) -> Callable[[CounterpartyTerms], Contract]:
    """Deploy another pool."""

    def deploy(terms: CounterpartyTerms) -> Contract:
        stands = (bench.pool.address, bench.custody.address, bench.book.address)
        return bench.engine.deploy(artifacts["Counterparty"], *stands, terms, sender=bench.admin)

    return deploy


@pytest.mark.parametrize(
    "told",
    [
        {"target": 0},
        {"target": 100_000},
        {"factor": 1_000_001},
        {"reserve": 1_000_001},
        {"spread": 0},
        {"spread": 100_001},
    ],
)
def test_terms_that_can_not_be_are_refused(
    deploy: Callable[[CounterpartyTerms], Contract], told: dict[str, int]
) -> None:
    with refused("counterparty: bad terms"):
        deploy(TERMS._replace(**told))


def test_terms_at_their_edges_are_taken(
    deploy: Callable[[CounterpartyTerms], Contract],
) -> None:
    terms = CounterpartyTerms(factor=10**6, target=10**6 - 1, reserve=10**6, spread=100_000)
    found = deploy(terms).call.terms()
    assert (found.factor, found.target, found.reserve, found.spread) == terms
