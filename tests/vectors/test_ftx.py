"""Known answers of FTX: backstop liquidity providers, and what others are paid to close.

Sources: FTX's help centre, "Liquidations" and "Backstop Liquidity Provider Program", and its
"Liquidation Process Flowchart". The account is closed at its zero price ZP, at which nothing is
left of it; the other side, be it a provider or a trader, at 2/3 ZP + 1/3 MP, the mark price; what
lies between is the insurance fund's. Positions share what is left by maintenance. Below zero the
fund pays.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from spillway.rules import AdlRules, FundParams, Layer, Price, Trigger
from tests import bench as benches
from tests.bench import USD

if TYPE_CHECKING:
    from spillway.build import Artifacts
    from spillway.engines import Address, Engine
    from tests.bench import Bench

# The example closes below 1.5 % of a position whose maintenance is 2.5 % here.
PROVIDERS = Layer("", below_num=3, below_den=5, share_num=2, share_den=3)
# A fee of all that is left: the fund's third.
CLOSING = AdlRules(
    Trigger.UNRESTORED,
    Price.PROVIDER,
    everyone=True,
    covered=True,
    fee=1_000_000,
    below_num=3,
    below_den=5,
)
MAX_LEVERAGE = 20


@pytest.fixture
def bench(engine: Engine, artifacts: Artifacts, admin: Address, keeper: Address) -> Bench:
    """FTX's rules, two markets, an empty fund."""
    venue = benches.deploy(
        engine,
        artifacts,
        admin,
        keeper,
        policy="LargestPositionQueue",
        providers=PROVIDERS,
        fund=FundParams(),
        closing=CLOSING,
    )
    venue.list_market(MAX_LEVERAGE)
    venue.list_market(MAX_LEVERAGE)
    venue.open_fund("fund")
    return venue


@pytest.fixture
def account(bench: Bench) -> int:
    """1,000 USD as collateral for 2 BTC at 10,000, bought from `large`; `small` is short 1."""
    bench.mark(10_000, 1)
    long, large, small = (
        bench.open(n, usd) for n, usd in (("long", 1_000), ("large", 10_000), ("small", 10_000))
    )
    bench.trade(long, large, 2, 10_000)
    bench.trade(bench.open("rich", 10**6), small, 1, 10_000)
    return long


# What is left of it at 9,644: less than 1.5 % of 2 * 9,644 = 19,288. ZP is 9,644 - 288 / 2.
MARK, LEFT, ZERO_PRICE = 9_644, 288, 9_500
OTHER_SIDE = Decimal(2 * ZERO_PRICE + MARK) / 3


def test_a_provider_takes_over_at_a_third_of_the_way_to_the_mark(
    bench: Bench, account: int
) -> None:
    provider = bench.open("provider", 10_000)
    bench.pledge(provider, 100_000)
    bench.mark(MARK, 1)
    assert bench.equity(account) == LEFT
    bench.liquidate(account)
    assert bench.at(account) == (0, 0)
    assert bench.at(provider) == (2, 10_000 - 2 * OTHER_SIDE)
    assert bench.equity(bench.accounts["fund"]) == 2 * (OTHER_SIDE - ZERO_PRICE) == LEFT // 3


def test_without_providers_the_largest_opposing_position_is_paid_to_close(
    bench: Bench, account: int
) -> None:
    bench.mark(MARK, 1)
    bench.liquidate(account)
    receipt = bench.deleverage(account)
    (fill,) = receipt.named("Deleveraged")
    assert fill.winner == bench.accounts["large"]
    assert fill.quote == 2 * OTHER_SIDE * USD
    assert bench.at(account) == (0, 0)
    assert bench.at(fill.winner) == (0, 10_000 + 2 * (10_000 - OTHER_SIDE))
    assert bench.size(bench.accounts["small"]) == -1
    assert bench.equity(bench.accounts["fund"]) == LEFT // 3
    assert bench.total_equity() == bench.cash()


def test_positions_share_what_is_left_by_maintenance(bench: Bench) -> None:
    """900 and 450 USD are two to one: of 18 USD, others get 8 and 4, the fund 6."""
    bench.mark(100, 50)
    long = bench.open("long", 168)
    first, second = bench.open("first", 1_000), bench.open("second", 1_000)
    bench.trade(long, first, 10, 100)
    bench.trade(long, second, 10, 50, market=1)
    bench.mark(90, 45)
    assert bench.equity(long) == 18
    bench.liquidate(long)
    bench.deleverage(long)
    assert bench.at(first) == (0, 1_000 + 100 + 8)
    assert bench.at(second) == (0, 1_000 + 50 + 4)
    assert (bench.equity(long), bench.equity(bench.accounts["fund"])) == (0, 6)


@pytest.mark.parametrize(("money", "paid"), [(100_000, 25_000), (10_000, 10_000), (0, 0)])
def test_below_zero_the_fund_pays_out(bench: Bench, money: int, paid: int) -> None:
    """1m of collateral, 5m of BTC, and BTC gaps down by 20.5 %: -25k, the flowchart's last box.

    What the fund does not have, the other side lacks.
    """
    provider = bench.open("provider", 10**7)
    bench.pledge(provider, 10**8)
    fund = bench.accounts["fund"]
    if money:
        bench.give(money)
    bench.mark(1_000, 1)
    long, short = bench.open("long", 10**6), bench.open("short", 10**7)
    bench.trade(long, short, 5_000, 1_000)
    bench.mark(795, 1)
    assert bench.equity(long) == -25_000
    bench.liquidate(long)
    bench.deleverage(long)
    assert bench.at(long) == (0, 0)
    assert bench.equity(fund) == money - paid
    assert bench.at(short) == (0, 10**7 + 5_000 * 205 - (25_000 - paid))
    assert bench.size(provider) == 0
