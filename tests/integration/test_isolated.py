"""An isolated account stands and falls alone, whatever its owner has elsewhere.

Fee 0, maximum leverage 5. Amounts are USD.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from spillway.errors import Reverted
from tests import bench as benches
from tests.bench import USD, Bench

if TYPE_CHECKING:
    from spillway.build import Artifacts
    from spillway.engines import Address, Engine

HEALTHY, RESTORED, TAKEN_OVER, BELOW_ZERO = 0, 3, 5, 6
CASH = 240 + 1_000 + 2_000 + 500


@pytest.fixture
def bench(engine: Engine, artifacts: Artifacts, admin: Address, keeper: Address) -> Bench:
    """One owner: cross with 1,000 and short 4, isolated with 240 and long 10, both at 100."""
    venue = benches.deploy(engine, artifacts, admin, keeper)
    venue.list_at(100, 50)
    cross = venue.open("cross", 1_000)
    owner = venue.owners[cross]
    opened = venue.pool.transact.open_isolated_account(0, sender=owner).named("AccountOpened")[0]
    assert opened.isolated_to == 1
    venue.adopt("isolated", opened.account, owner, 240)
    venue.open("other", 2_000)
    venue.open_backstop("child", 500)
    a = venue.accounts
    venue.trade(a["isolated"], a["other"], 10, 100)
    venue.trade(a["other"], a["cross"], 4, 100)
    return venue


def test_it_can_hold_its_own_market_alone(bench: Bench) -> None:
    a = bench.accounts
    with pytest.raises(Reverted, match="pool: market not for account"):
        bench.place(a["isolated"], 1, 45, market=1)
    bench.place(a["cross"], 1, 45, market=1)


def test_it_is_taken_over_while_its_owner_is_rich(bench: Bench) -> None:
    a = bench.accounts
    bench.mark(90, 50)
    bench.mark(79, 50)
    receipt = bench.liquidate(a["isolated"], a["cross"])
    assert [event.outcome for event in receipt.named("Judged")] == [TAKEN_OVER, HEALTHY]
    assert bench.at(a["isolated"]) == (0, 0)
    assert bench.at(a["cross"]) == (-4, 1_400)
    assert bench.at(a["child"]) == (10, 500 + 30 - 790)
    assert bench.total_equity() == bench.cash() == CASH


def test_it_is_deleveraged_while_its_owner_is_rich_and_may_hit_the_owner(bench: Bench) -> None:
    """The owner's cross account stands on the other side: it is a winner like any other."""
    a = bench.accounts
    bench.mark(77, 50)
    bench.mark(75, 50)
    receipt = bench.liquidate(a["isolated"])
    assert receipt.named("Judged")[0].outcome == BELOW_ZERO
    fills = bench.deleverage(a["isolated"]).named("Deleveraged")
    # 300/1_100 of the cross account against 450/2_150 of the other, both with a quarter won.
    assert [(f.winner, f.lots, f.quote) for f in fills] == [
        (a["cross"], 4, 4 * 77 * USD),
        (a["other"], 6, 6 * 77 * USD),
    ]
    assert bench.at(a["isolated"]) == (0, 10)
    assert bench.equity(a["cross"]) == 1_000 + 4 * 23
    assert bench.total_equity() == bench.cash() == CASH


def test_its_owner_may_save_it_by_a_transfer(bench: Bench) -> None:
    a = bench.accounts
    bench.mark(90, 50)
    bench.mark(79, 50)
    owner = bench.owners[a["cross"]]
    bench.pool.transact.transfer(a["cross"], a["isolated"], 100 * USD, sender=owner)
    assert bench.liquidate(a["isolated"]).named("Judged")[0].outcome == HEALTHY
    assert bench.equity(a["cross"]) == 1_000 + 84 - 100
    assert bench.total_equity() == bench.cash() == CASH


def test_its_order_does_not_trade_with_the_owners_other_account(bench: Bench) -> None:
    """A liquidation must not be a way to sell to oneself at the limit."""
    a = bench.accounts
    bench.mark(90, 50)
    bench.place(a["cross"], 10, 85)
    bench.place(a["other"], 10, 77)
    bench.mark(83, 50)
    receipt = bench.liquidate(a["isolated"])
    assert receipt.named("BookEntered")[0].quote == 10 * 77 * USD
    assert receipt.named("Judged")[0].outcome == RESTORED
    assert bench.at(a["isolated"]) == (0, 10)
    assert bench.size(a["cross"]) == -4
