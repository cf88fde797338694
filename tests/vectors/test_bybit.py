"""Known answers of Bybit: the pool bears what its drawdown allows, winners the rest.

Source: Bybit's help centre on auto-deleveraging: it starts when the insurance pool has lost 30 % of
its eight-hour peak, at the price where the pool's drawdown is held there, and stops above 25 %.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from spillway.rules import AdlRules, FundParams, Price
from tests import bench as benches

if TYPE_CHECKING:
    from spillway.build import Artifacts
    from spillway.engines import Address, Engine

CLOSING = AdlRules(price=Price.BANKRUPTCY, everyone=True, covered=True)
FUND = FundParams(drawdown=300_000, resume=250_000)


def test_the_pool_bears_a_loss_down_to_its_drawdown(
    engine: Engine, artifacts: Artifacts, admin: Address, keeper: Address
) -> None:
    """A pool of 1,000,000 at its peak, a loss of 350,000: 300,000 is the pool's, 50,000 ADL's."""
    bench = benches.deploy(engine, artifacts, admin, keeper, fund=FUND, closing=CLOSING)
    bench.list_market()
    bench.mark(100)
    pool = bench.open_fund("pool", 1_000_000)
    loser, winner = bench.open("loser", 650_000), bench.open("winner", 650_000)
    bench.trade(loser, winner, 20_000, 100)
    # 20,000 lots that fall by 50 lose a million, of which the loser had 650,000.
    bench.mark(50)

    bench.liquidate(loser)
    bench.deleverage(loser)

    assert bench.at(loser) == (0, 0)
    assert bench.equity(pool) == 1_000_000 - 300_000
    assert bench.at(winner) == (0, 650_000 + 1_000_000 - 50_000)
    assert bench.insurance.call.allowance_of(0) == 0
