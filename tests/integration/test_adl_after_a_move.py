"""A ranking outlives its epoch: what its winners keep when marks or funding moved on meanwhile.

Fee 0, maximum leverage 5, amounts in USD. L has 250 and is long 10 A @ 100; W has 1,000, is short A
against it and long 40 B @ 50; P has the rest. The job ranks W at mark 70 of A, previous mark 100.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests import bench as benches
from tests.bench import DEFICIT, MAX_UINT, Bench

if TYPE_CHECKING:
    from spillway.build import Artifacts
    from spillway.engines import Address, Engine

SHORTS = False


@pytest.fixture
def bench(engine: Engine, artifacts: Artifacts, admin: Address, keeper: Address) -> Bench:
    venue = benches.deploy(engine, artifacts, admin, keeper)
    venue.list_at(100, 50)
    for name, usd in {"L": 250, "W": 1_000, "P": 5_000}.items():
        venue.open(name, usd)
    a = venue.accounts
    venue.trade(a["L"], a["W"], 10, 100)
    venue.trade(a["W"], a["P"], 40, 50, market=1)
    return venue


def rank(bench: Bench) -> None:
    """Open the job that closes L, and have its one winner put in order."""
    adl, keeper = bench.adl.transact, bench.keeper
    adl.open_jobs(bench.accounts["L"], [(0, 0)], sender=keeper)
    adl.scan(0, SHORTS, MAX_UINT, sender=keeper)
    adl.order(0, SHORTS, 0, [0], sender=keeper)


def close(bench: Bench) -> None:
    bench.adl.transact.close(bench.accounts["L"], MAX_UINT, sender=bench.keeper)


def equities(bench: Bench) -> tuple[int, int]:
    """What L and W are worth at the marks of now."""
    a = bench.accounts
    return int(bench.equity(a["L"])), int(bench.equity(a["W"]))


def test_a_winner_that_keeps_lots_keeps_what_they_have_lost_since(bench: Bench) -> None:
    bench.trade(bench.accounts["P"], bench.accounts["W"], 10, 100)
    bench.mark(70, 17)  # W, short 20: 1,000 + 600 - 40 * 33 = 280, less than 10 * (100 - 70)
    rank(bench)
    bench.mark(72, 17)
    assert equities(bench) == (-30, 240)
    close(bench)
    # 10 lots stay and have lost 2 each: 260 can be taken, and L keeps 250 - 1,000 + 700 + 260.
    assert equities(bench) == (210, 0)


def test_a_winner_pays_the_funding_since_only_once(bench: Bench) -> None:
    bench.mark(70, 20)  # W, short 10: 1,000 + 300 - 40 * 30 = 100
    rank(bench)
    bench.mark(70, 20, funding=[-1, 0])
    assert equities(bench) == (-40, 90)
    close(bench)
    # At the job's prices 100 are taken; the 10 that W has paid since are made good by the price.
    assert equities(bench) == (50, 0)


def test_a_winner_that_came_back_above_zero_is_not_thrown_below(bench: Bench) -> None:
    bench.mark(70, 17)  # W, short 10: 1,000 + 300 - 1,320 = -20
    rank(bench)
    bench.mark(66, 17)
    assert equities(bench) == (-90, 20)
    close(bench)
    # At 70 W would be worth -20 again: it pays 680. L owes 70, and W has nothing to bear it with.
    assert equities(bench) == (0, 0)
    assert bench.quote(DEFICIT) == -70
