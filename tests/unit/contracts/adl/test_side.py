"""What a job tells its policy of the side that it ranks, on chain, for every policy."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from spillway.model.keys import LAST_ACCOUNT, rank_key
from spillway.model.policies import QUEUES, Candidate, Side, contract_name, seeded
from tests.unit.contracts.adl import stage as stages
from tests.unit.contracts.adl.stage import (
    SHORTS,
    crash,
    end_job,
    job,
    make_ready,
    open_crowd,
    open_job,
    order,
    pass_blocks,
    ranked,
    scan,
)
from tests.unit.contracts.hand import START, swap

if TYPE_CHECKING:
    from collections.abc import Callable

    from spillway.build import Artifacts
    from spillway.engines import Address, Engine
    from tests.bench import Bench


@pytest.fixture(scope="module")
def venues(
    engine: Engine, artifacts: Artifacts, admin: Address, keeper: Address
) -> Callable[[str], Bench]:
    """A venue by the policy that ranks there, deployed when it is first asked for."""

    def venue(name: str) -> Bench:
        return stages.deploy(engine, artifacts, admin, keeper, policy=contract_name(name))

    return venue


def side_of(bench: Bench, market: int = 0, *, longs: bool = False) -> Side:
    """What the twin is told of a side, from the pool's own words."""
    seen = bench.pool.call.market(market)
    side = Side(
        market=market,
        longs=longs,
        mark=seen.mark,
        previous_mark=seen.previous_mark,
        funding=seen.funding,
        length=bench.pool.call.holder_count(market, longs),
    )
    return seeded(side, bench.pool.call.epoch())


def keys_by_twin(bench: Bench, name: str, side: Side) -> list[int]:
    """Keys of a side's holders as the twin has them."""
    told = bench.pool.call.candidates(side.market, side.longs, 0, 32, side.mark, side.funding)
    fields = Candidate.__slots__
    found = [Candidate(**{field: getattr(each, field) for field in fields}) for each in told]
    return [rank_key(each, QUEUES[name](side, each)) for each in found]


@pytest.mark.parametrize("name", QUEUES)
def test_a_job_ranks_and_closes_as_the_twin_says(venues: Callable[[str], Bench], name: str) -> None:
    """The loser's 10 lots meet all holders but those at the end of the policy's queue."""
    bench = venues(name)
    loser = open_crowd(bench)["loser"]
    bench.mark(95, *START[1:], funding=[2, 0, 0])
    crash(bench)
    side = side_of(bench)
    keys = keys_by_twin(bench, name, side)
    assert [key for key, _ in bench.keys(0, SHORTS)] == keys
    places = [place for _, place in sorted(((k, i) for i, k in enumerate(keys)), reverse=True)]
    order_by_twin = [LAST_ACCOUNT - (keys[place] >> 24) % 2**32 for place in places]

    receipt = bench.deleverage(loser)

    hits = [fill.winner for fill in receipt.named("Deleveraged")]
    assert hits == order_by_twin[: len(hits)]
    assert bench.size(loser) == 0


@pytest.mark.parametrize("longs", [True, False])
def test_an_empty_side_has_no_keys(venues: Callable[[str], Bench], longs: bool) -> None:
    assert venues("random_start").keys(1, longs) == []


# --- nobody chooses where a walk begins ----------------------------------------------------------


@pytest.fixture
def bench(venues: Callable[[str], Bench]) -> Bench:
    """A venue that ranks by nothing, with the crowd in it, and a second account below zero."""
    bench = venues("random_start")
    accounts = open_crowd(bench)
    bench.open("second", 20)
    swap(bench, accounts["second"], accounts["rich"], 2, 100)
    crash(bench)
    return bench


def enrolled(bench: Bench, opener: Address, loser: str) -> list[int]:
    """The order of the queue of a job that somebody opens for a loser; nothing stays."""
    token = bench.engine.snapshot()
    bench.adl.transact.open_jobs(bench.accounts[loser], [(0, 0)], sender=opener)
    scan(bench)
    told = bench.adl.transact.order(0, SHORTS, 0, ranked(bench), sender=opener)
    assert told.named("JobReady")
    bench.engine.revert(token)
    return [key for key, _ in bench.keys(0, SHORTS)]


def test_whoever_opens_a_job_and_for_whom_the_queue_is_the_same(
    bench: Bench, outsider: Address
) -> None:
    queues = [
        enrolled(bench, opener, loser)
        for opener in (bench.keeper, outsider)
        for loser in ("loser", "second")
    ]
    assert queues == [keys_by_twin(bench, "random_start", side_of(bench))] * 4


def test_a_later_block_of_the_same_epoch_has_the_same_seed(bench: Bench) -> None:
    before = enrolled(bench, bench.keeper, "loser")
    pass_blocks(bench, 3)
    assert enrolled(bench, bench.keeper, "loser") == before


def test_a_job_keeps_its_seed_while_epochs_and_prices_pass(bench: Bench) -> None:
    """It is ranked in two pages, the second two epochs later; its keys are those of before."""
    keys = [key for key, _ in bench.keys(0, SHORTS)]
    places = ranked(bench)
    epoch = bench.pool.call.epoch()
    open_job(bench, bench.accounts["loser"])
    scan(bench, count=2)
    for price in (88, 87):
        bench.mark(price, *START[1:])
    assert [key for key, _ in bench.keys(0, SHORTS)] == keys
    scan(bench)
    order(bench, places)
    assert job(bench).phase == stages.READY
    assert job(bench).epoch == epoch == bench.pool.call.epoch() - 2


def test_every_price_funding_epoch_market_and_side_has_a_seed_of_its_own() -> None:
    side = Side(0, longs=False, mark=10, previous_mark=11, funding=-3, length=7)
    others = [
        replace(side, market=1),
        replace(side, longs=True),
        replace(side, mark=11),
        replace(side, previous_mark=10),
        replace(side, funding=3),
    ]
    seeds = {seeded(each, 5).seed for each in (side, *others)} | {seeded(side, 6).seed}
    assert len(seeds) == 7
    assert seeded(replace(side, length=8), 5).seed == seeded(side, 5).seed


def test_the_epoch_of_a_job_does_not_read_as_its_lock(bench: Bench) -> None:
    """They share a word of storage; the market is unlocked when the job ends."""
    make_ready(bench, bench.accounts["loser"])
    assert job(bench).locked
    assert bench.pool.call.market(0).locked
    bench.mark(100, *START[1:])
    end_job(bench)
    assert not bench.pool.call.market(0).locked
    assert job(bench).phase == stages.ABSENT
