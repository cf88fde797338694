"""A known answer of FTX: a backstop liquidity provider takes over.

Source: FTX's help centre, "Backstop Liquidity Provider Program": 1,000 USD are collateral for 2 BTC
at 10,000. Below a margin fraction of 1.5 % the account passes to a provider, and a third of what is
left of it to the fund. What other accounts are paid to close is in ftx.toml.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from spillway.rules import FundParams, Layer
from tests import bench as benches

if TYPE_CHECKING:
    from spillway.build import Artifacts
    from spillway.engines import Address, Engine

# Maintenance is 2.5 % at leverage 20: 1.5 % is three fifths of it.
PROVIDERS = Layer("", below_num=3, below_den=5, share_num=2, share_den=3)
MAX_LEVERAGE = 20


def test_a_provider_takes_over_at_two_thirds_of_the_way_from_the_mark(
    engine: Engine, artifacts: Artifacts, admin: Address, keeper: Address
) -> None:
    """At 9,644 there are 288 left of 19,288. At 9,500 nothing is: the zero price."""
    bench = benches.deploy(engine, artifacts, admin, keeper, providers=PROVIDERS, fund=FundParams())
    bench.list_market(MAX_LEVERAGE)
    fund = bench.open_fund("fund")
    bench.mark(10_000)
    long, short = bench.open("long", 1_000), bench.open("short", 10_000)
    bench.trade(long, short, 2, 10_000)
    provider = bench.open("provider", 10_000)
    bench.pledge(provider, 100_000)

    bench.mark(9_644)
    assert bench.equity(long) == 288
    bench.liquidate(long)

    paid = Decimal(2 * 9_500 + 9_644) / 3
    assert bench.at(long) == (0, 0)
    assert bench.at(provider) == (2, 10_000 - 2 * paid)
    assert bench.equity(fund) == 2 * (paid - 9_500) == 288 // 3
