"""Who stands behind the book, from when on, and what the insurance fund pays."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast

import pytest

from spillway.rules import FundParams, Layer, Limit, LiquidationRules
from tests import bench as benches
from tests.bench import USD
from tests.chain import refused
from tests.unit.contracts.liquidator.ward import BELOW_ZERO, RESTORED, TAKEN_OVER, WAITS, outcome

if TYPE_CHECKING:
    from collections.abc import Callable

    from spillway.build import Artifacts
    from spillway.engines import Address, Engine
    from tests.bench import Bench, Usd

    Deploy = Callable[..., Bench]

EMPTIED = 8
TOO_DEAR = 4
TAKES_OVER = FundParams(takes_over=True)


@pytest.fixture
def deploy(engine: Engine, artifacts: Artifacts, admin: Address, keeper: Address) -> Deploy:
    """A market of 10 % maintenance; `loser` is long 10 at 100 with 150 USD, `rich` is short."""

    def deploy(**rules: Any) -> Bench:
        venue = benches.deploy(engine, artifacts, admin, keeper, **rules)
        venue.list_market()
        venue.mark(100)
        venue.open("loser", 210)
        venue.open("rich", 10**6)
        venue.trade(venue.accounts["loser"], venue.accounts["rich"], 10, 100)
        return venue

    return deploy


def test_a_fund_takes_over_from_maintenance_on(deploy: Deploy) -> None:
    """At 87 equity is 80 of 87: the vault would wait for 58; a fund that is asked at 1 does not."""
    bench = deploy(fund=TAKES_OVER)
    fund, loser = bench.open_fund("fund", 50), bench.accounts["loser"]
    bench.mark(87)
    assert outcome(bench.liquidate(loser), loser) == TAKEN_OVER
    assert bench.at(loser) == (0, 0)
    assert (bench.size(fund), bench.equity(fund)) == (10, 130)


def test_a_fund_pays_what_an_account_below_zero_lacks(deploy: Deploy) -> None:
    bench = deploy(fund=TAKES_OVER)
    fund, loser = bench.open_fund("fund", 50), bench.accounts["loser"]
    bench.mark(75)
    receipt = bench.liquidate(loser)
    assert outcome(receipt, loser) == TAKEN_OVER
    assert receipt.named("BackstopEntered")[0].equity == -40 * USD
    assert bench.at(loser) == (0, 0)
    assert (bench.size(fund), bench.equity(fund)) == (10, 10)


def test_a_fund_that_has_too_little_leaves_the_account_to_the_next_layer(deploy: Deploy) -> None:
    bench = deploy(fund=TAKES_OVER)
    fund, loser = bench.open_fund("fund", 39), bench.accounts["loser"]
    bench.mark(75)
    receipt = bench.liquidate(loser)
    assert outcome(receipt, loser) == BELOW_ZERO
    assert receipt.named("BackstopRefused")[0].reason == TOO_DEAR
    assert (bench.size(loser), bench.equity(fund)) == (10, 39)


def test_a_backstop_that_covers_nothing_is_not_asked_below_zero(deploy: Deploy) -> None:
    bench = deploy()
    bench.open_backstop("child", 1_000)
    loser = bench.accounts["loser"]
    bench.mark(75)
    receipt = bench.liquidate(loser)
    assert outcome(receipt, loser) == BELOW_ZERO
    assert not receipt.named("BackstopRefused")


def test_a_backstop_may_cover_within_its_allowance(deploy: Deploy) -> None:
    bench = deploy(layer=Layer("", covers=True))
    child, loser = bench.open_backstop("child", 1_000), bench.accounts["loser"]
    bench.mark(75)
    bench.backstop.transact.set_allowance(40 * USD - 1, sender=bench.admin)
    assert outcome(bench.liquidate(loser), loser) == BELOW_ZERO
    bench.backstop.transact.set_allowance(40 * USD, sender=bench.admin)
    bench.mark(75)
    assert outcome(bench.liquidate(loser), loser) == TAKEN_OVER
    assert (bench.at(loser), bench.equity(child)) == ((0, 0), 960)


def test_a_backstop_with_a_share_leaves_the_rest_of_equity_to_the_fund(deploy: Deploy) -> None:
    """Two thirds of 80, rounded down to the last unit."""
    layer = Layer("", below_num=1, below_den=1, share_num=2, share_den=3)
    bench = deploy(layer=layer, fund=FundParams())
    child, fund = bench.open_backstop("child", 0), bench.open_fund("fund")
    loser = bench.accounts["loser"]
    bench.mark(87)
    assert outcome(bench.liquidate(loser), loser) == TAKEN_OVER
    share = Decimal(80 * USD * 2 // 3) / USD
    assert (bench.equity(child), bench.equity(fund)) == (share, 80 - share)
    assert bench.at(loser) == (0, 0)


@pytest.mark.parametrize(("money", "sold"), [(0, 0), (19, 0), (20, 10), (1_000, 10)])
def test_a_covered_order_goes_beyond_bankruptcy_by_what_the_fund_may_pay(
    deploy: Deploy, money: int, sold: int
) -> None:
    """Bankruptcy is at 79; ten lots at 77 lack 20."""
    bench = deploy(liquidation=LiquidationRules(limit=Limit.COVERED), fund=FundParams())
    fund, loser = bench.open_fund("fund", money), bench.accounts["loser"]
    maker = bench.open("maker", 10**6)
    bench.mark(82)
    bench.place(maker, 10, 77)
    receipt = bench.liquidate(loser)
    assert bench.size(loser) == 10 - sold
    assert bench.equity(fund) == (money - 20 if sold else money)
    if sold:
        assert outcome(receipt, loser) == RESTORED
        assert bench.at(loser) == (0, 0)


def test_at_any_price_what_nobody_covers_is_written_off(deploy: Deploy) -> None:
    """Ten lots at 60 lack 190; the fund has 50, fees nothing."""
    bench = deploy(liquidation=LiquidationRules(limit=Limit.OPEN), fund=FundParams())
    fund, loser = bench.open_fund("fund", 50), bench.accounts["loser"]
    maker = bench.open("maker", 10**6)
    bench.mark(82)
    bench.place(maker, 10, 75)
    bench.mark(60)
    receipt = bench.liquidate(loser)
    lacking = 10 * 100 - 210 - 10 * 75
    assert outcome(receipt, loser) == RESTORED
    assert (bench.at(loser), bench.equity(fund)) == ((0, 0), 50 - lacking)


def test_a_deficit_is_what_the_fund_does_not_have(deploy: Deploy) -> None:
    bench = deploy(liquidation=LiquidationRules(limit=Limit.OPEN), fund=FundParams())
    fund, loser = bench.open_fund("fund", 15), bench.accounts["loser"]
    maker = bench.open("maker", 10**6)
    bench.mark(82)
    bench.place(maker, 10, 75)
    bench.mark(75)
    receipt = bench.liquidate(loser)
    assert outcome(receipt, loser) == EMPTIED
    assert (bench.at(loser), bench.equity(fund)) == ((0, 0), 0)
    assert bench.pool.call.solvency().deficit == 25 * USD


def test_no_more_is_sold_than_restores_maintenance(deploy: Deploy) -> None:
    """At 87 ten lots need 87 of equity and have 80: one lot at mark frees 8.7."""
    bench = deploy(liquidation=LiquidationRules(restoring=True))
    loser, maker = bench.accounts["loser"], bench.open("maker", 10**6)
    bench.mark(87)
    bench.place(maker, 10, 87)
    assert outcome(bench.liquidate(loser), loser) == RESTORED
    assert (bench.size(loser), bench.equity(loser)) == (9, 80)
    assert left_of(bench, loser) == (10, 0, 80)


def test_what_the_book_leaves_of_an_order_is_told(deploy: Deploy) -> None:
    """At 83 ten lots need 83 and have 40: six lots at mark free 49.8."""
    bench = deploy(liquidation=LiquidationRules(restoring=True))
    loser, maker = bench.accounts["loser"], bench.open("maker", 10**6)
    bench.mark(83)
    bench.place(maker, 4, 83)
    assert outcome(bench.liquidate(loser), loser) == WAITS
    assert left_of(bench, loser) == (10, 2, 40)


def test_a_second_leg_is_sold_only_for_what_the_first_does_not_free(
    engine: Engine, artifacts: Artifacts, admin: Address, keeper: Address
) -> None:
    """What the book leaves of a first leg is closed at bankruptcy, and takes all equity with it."""
    rules = LiquidationRules(restoring=True)
    bench = benches.deploy(engine, artifacts, admin, keeper, liquidation=rules)
    bench.list_at(100, 50)
    loser, rich = bench.open("loser", 350), bench.open("rich", 10**6)
    bench.trade(loser, rich, 10, 100)
    bench.trade(loser, rich, 10, 50, market=1)
    # At 85 and 42 equity is 120 of 127 that are needed, at 81 and 36 it is 20 of 117.
    bench.mark(85, 42)
    bench.liquidate(loser)
    assert left_of(bench, loser) == (10, 1, 120)
    assert left_of(bench, loser, market=1) == (0, 0, 0)
    bench.mark(81, 36)
    bench.liquidate(loser)
    assert left_of(bench, loser) == (10, 10, 20)
    # 97 are lacking, of which the first leg frees 81.
    assert left_of(bench, loser, market=1) == (10, 5, 0)


def left_of(bench: Bench, account: int, market: int = 0) -> tuple[int, int, Usd]:
    """(size, left, equity in USD) of the order for a leg."""
    order = bench.liquidator.call.order_of(account, market)
    return order.size, order.left, Decimal(order.equity) / USD


def test_a_liquidation_pays_its_fee_to_the_fund(deploy: Deploy) -> None:
    """A thousandth of 87, for the one lot that is sold."""
    rules = LiquidationRules(restoring=True, fee=1_000)
    bench = deploy(liquidation=rules, fund=FundParams())
    fund, loser = bench.open_fund("fund"), bench.accounts["loser"]
    bench.mark(87)
    bench.place(bench.open("maker", 10**6), 10, 87)
    bench.liquidate(loser)
    assert bench.equity(fund) == Decimal("0.087")
    assert bench.equity(loser) == 80 - Decimal("0.087")


def test_the_fund_has_its_share_of_fees_once(deploy: Deploy) -> None:
    rules = LiquidationRules(fee_share=250_000)
    bench = deploy(liquidation=rules, fund=FundParams(), taker_fee=1_000)
    fund = bench.open_fund("fund")
    for _ in range(2):
        bench.liquidator.transact.share_fees(sender=bench.keeper)
        # The opening trade of 1,000 paid 1.
        assert bench.equity(fund) == Decimal("0.25")


def test_a_venue_that_delays_notes_since_when_an_account_is_due(deploy: Deploy) -> None:
    bench = deploy(liquidation=LiquidationRules(notes_due=True))
    loser = bench.accounts["loser"]
    bench.mark(75)
    bench.liquidate(loser)
    since = bench.engine.head.number
    assert bench.liquidator.call.due_since(loser) == since
    bench.mark(76)
    bench.liquidate(loser)
    assert bench.liquidator.call.due_since(loser) == since
    bench.mark(82)
    assert outcome(bench.liquidate(loser), loser) == WAITS
    assert bench.liquidator.call.due_since(loser) == 0


@pytest.mark.parametrize(
    ("rules", "layer", "reason"),
    [
        (LiquidationRules(limit=cast("Limit", 4)), Layer(""), "liquidator: bad limit"),
        (LiquidationRules(slices=0), Layer(""), "liquidator: bad slices"),
        (LiquidationRules(fee=1_000_001), Layer(""), "liquidator: bad fee"),
        (LiquidationRules(), Layer("", below_den=0), "liquidator: bad layer"),
        (LiquidationRules(), Layer("", share_num=2, share_den=1), "liquidator: bad layer"),
    ],
)
def test_rules_that_can_not_be_are_refused(
    deploy: Deploy, rules: LiquidationRules, layer: Layer, reason: str
) -> None:
    with refused(reason):
        deploy(liquidation=rules, layer=layer)
