"""Finding M-4 of Perennial's audit: who comes first must not be paid out of what is not there.

Source: the finding's own figures. Two makers of 500, a trader with 10 who is long 10 at 100, price
90, a liquidation fee of 10: the makers are owed 1,100 against the 1,000 that are there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from spillway.errors import Reverted
from tests import bench as benches

if TYPE_CHECKING:
    from spillway.build import Artifacts
    from spillway.engines import Address, Engine
    from tests.bench import Bench

MAKERS = ("first", "second")


@pytest.fixture
def venue(engine: Engine, artifacts: Artifacts, admin: Address, keeper: Address) -> Bench:
    """The trader is 90 below zero, and each maker 50 above its collateral."""
    bench = benches.deploy(engine, artifacts, admin, keeper)
    bench.list_market(100)
    bench.mark(100)
    trader = bench.open("trader", 10)
    for name in MAKERS:
        bench.trade(trader, bench.open(name, 500), 5, 100)
    # Twice, so that the previous mark is that price, too.
    bench.mark(90)
    bench.mark(90)
    assert bench.equity(trader) == -90
    return bench


def leave(bench: Bench, name: str) -> None:
    """Ask for all that an account is worth, and have it paid in the next epoch if it may be."""
    account = bench.accounts[name]
    try:
        bench.withdraw(account, bench.equity(account))
        bench.mark(90)
        bench.pay_out(account)
    except Reverted:
        return


@pytest.mark.parametrize("order", [MAKERS, MAKERS[::-1]])
@pytest.mark.parametrize("closed_first", [True, False])
def test_who_comes_first_gets_no_more_than_who_comes_last(
    venue: Bench, order: tuple[str, str], closed_first: bool
) -> None:
    """Of the 90 the front of the queue bears what it won, 50, and the next one 40, in each case."""
    trader = venue.accounts["trader"]
    if closed_first:
        venue.deleverage(trader)
    for name in order:
        leave(venue, name)
    if not closed_first:
        venue.deleverage(trader)

    has = {n: venue.equity(venue.accounts[n]) + paid(venue, n) for n in MAKERS}
    assert has == {"first": 550 - 50, "second": 550 - 40}
    assert venue.total_equity() == venue.cash()


def paid(bench: Bench, name: str) -> int:
    """USD that a maker has got out."""
    owner = bench.owners[bench.accounts[name]]
    return int(bench.usdc.call.balanceOf(owner)) // benches.UNITS
