"""Who bears what a loser owes, and what becomes of its lots."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from spillway.rules import FundParams, IndexRules
from tests.bench import FEES, USD
from tests.unit.contracts.adl_index.conftest import BOTH_SIDES, OTHER_SIDE
from tests.unit.contracts.adl_index.crowd import (
    closing,
    crash,
    equities,
    gather,
    in_one_block,
    lost,
    outcome,
    pass_on,
)
from tests.unit.contracts.hand import START, hand, sums_hold, swap

if TYPE_CHECKING:
    from spillway.rules import IndexRules as Rules
    from tests.bench import Bench
    from tests.unit.contracts.adl_index.conftest import Deploy

NAMES = ("long", "near", "far", "child")
WEI = Decimal(1) / USD


def test_the_side_that_gained_bears_a_loss_per_lot(deploy: Deploy) -> None:
    bench = deploy(OTHER_SIDE)
    a = gather(bench)
    crash(bench, 88)
    before = equities(bench, *NAMES)
    receipt = bench.socialize(a["loser"])
    # It owes 70, and 14 lots are short.
    assert outcome(receipt) == (70, 0, 70, 0)
    assert lost(bench, before, *NAMES) == [0, 45, 25, 0]
    assert bench.pool.call.solvency().deficit == 0
    assert sums_hold(bench)


def test_both_sides_bear_what_one_side_would(deploy: Deploy) -> None:
    """The same crowd: 70 on 18 lots, as the page on the waterfall has it."""
    bench = deploy(BOTH_SIDES)
    a = gather(bench)
    crash(bench, 88)
    before = equities(bench, *NAMES)
    assert outcome(bench.socialize(a["loser"])) == (70, 0, 70, 0)
    per_lot = -(-70 * USD // 18) * WEI
    assert lost(bench, before, *NAMES) == [4 * per_lot, 9 * per_lot, 5 * per_lot, 0]


def test_both_sides_bear_a_loss_per_lot_without_the_loser_and_the_backstop(deploy: Deploy) -> None:
    bench = deploy(BOTH_SIDES)
    a = gather(bench)
    swap(bench, a["child"], a["far"], 2, 100)
    crash(bench, 86)
    before = equities(bench, *NAMES)
    receipt = bench.socialize(a["loser"])
    # It owes 90, and 4 lots are long and 16 short that bear it: 4.5 each.
    assert outcome(receipt) == (90, 0, 90, 0)
    assert lost(bench, before, *NAMES) == [18, 40.5, 31.5, 0]
    assert [each.amount for each in receipt.named("Exempted")] == [2 * 45 * USD // 10]
    assert sums_hold(bench)


@pytest.mark.parametrize("rules", [OTHER_SIDE, BOTH_SIDES])
def test_the_loser_ends_flat_with_nothing_and_its_lots_pass_at_mark(
    deploy: Deploy, rules: Rules
) -> None:
    bench = deploy(rules)
    a = gather(bench)
    crash(bench)
    bench.socialize(a["loser"])
    assert bench.at(a["loser"]) == (0, 0)
    assert bench.at(a["child"]) == (10, 100 - 890)
    assert bench.pool.call.legs_of(a["loser"]) == 0
    assert bench.pool.call.market(0).open_interest == 14


def test_a_short_that_loses_is_borne_by_longs(deploy: Deploy) -> None:
    bench = deploy(OTHER_SIDE)
    for name, usd in {"loser": 50, "a": 1_000, "b": 1_000}.items():
        bench.open(name, usd)
    bench.open_backstop("child", 100)
    a = bench.accounts
    swap(bench, a["a"], a["loser"], 3, 100)
    swap(bench, a["b"], a["loser"], 7, 100)
    crash(bench, 115)
    before = equities(bench, "a", "b")
    assert outcome(bench.socialize(a["loser"])) == (100, 0, 100, 0)
    assert lost(bench, before, "a", "b") == [30, 70]
    assert bench.at(a["child"]) == (-10, 100 + 1_150)
    assert sums_hold(bench)


@pytest.mark.parametrize(
    ("rules", "lots"), [(OTHER_SIDE, 14), (BOTH_SIDES, 18)], ids=["other", "both"]
)
def test_what_rounding_raises_goes_to_fees_and_the_pot_stays_empty(
    deploy: Deploy, rules: Rules, lots: int
) -> None:
    bench = deploy(rules)
    a = gather(bench)
    crash(bench)
    fees = bench.equity(FEES)
    receipt = bench.socialize(a["loser"])
    per_lot = -(-60 * USD // lots)
    assert {each.per_lot for each in receipt.named("Charged")} == {per_lot}
    surplus = per_lot * lots - 60 * USD
    assert 0 < surplus < lots
    assert bench.equity(FEES) - fees == surplus * WEI
    assert bench.pool.call.pot(0) == 0
    assert sums_hold(bench)


def test_the_fund_pays_before_holders_do(deploy: Deploy) -> None:
    bench = deploy(OTHER_SIDE, fund=FundParams())
    fund = bench.open_fund("fund", 18)
    a = gather(bench)
    crash(bench)
    before = equities(bench, "near", "far")
    # It owes 60: 18 of it are the fund's, 42 are borne by 14 lots.
    assert outcome(bench.socialize(a["loser"])) == (60, 18, 42, 0)
    assert lost(bench, before, "near", "far") == [27, 15]
    assert bench.equity(fund) == 0
    assert bench.insurance.call.paid(0) == 18 * USD


def test_a_fund_that_has_enough_leaves_holders_alone(deploy: Deploy) -> None:
    bench = deploy(OTHER_SIDE, fund=FundParams())
    bench.open_fund("fund", 61)
    a = gather(bench)
    crash(bench)
    receipt = bench.socialize(a["loser"])
    assert outcome(receipt) == (60, 60, 0, 0)
    assert receipt.named("Charged") == []


def test_a_fund_that_takes_over_gets_the_lots(deploy: Deploy) -> None:
    bench = deploy(OTHER_SIDE, fund=FundParams(takes_over=True))
    fund = bench.open_fund("fund", 18)
    a = gather(bench)
    crash(bench)
    bench.socialize(a["loser"])
    assert bench.size(fund) == 10
    assert bench.size(a["child"]) == 0


def test_markets_share_a_debt_by_maintenance_the_last_one_takes_the_rest(deploy: Deploy) -> None:
    bench = deploy(OTHER_SIDE)
    for name, usd in {"loser": 100, "first": 1_000, "third": 1_000}.items():
        bench.open(name, usd)
    bench.open_backstop("child", 100)
    a = bench.accounts
    swap(bench, a["loser"], a["first"], 2, 100)
    swap(bench, a["third"], a["loser"], 10, 20, market=2)
    bench.mark(80, 50, 29)
    # 100 - 40 - 90 = -30; maintenance is 16 and 29 of 45.
    before = equities(bench, "first", "third")
    bench.socialize(a["loser"])
    first = 30 * USD * 16 // 45
    per_lot = [-(-first // 2), -(-(30 * USD - first) // 10)]
    assert lost(bench, before, "first", "third") == [2 * per_lot[0] * WEI, 10 * per_lot[1] * WEI]
    assert [bench.size(a["child"], market) for market in (0, 2)] == [2, -10]
    assert sums_hold(bench)


def test_a_charge_counts_funding_that_the_loser_owes(deploy: Deploy) -> None:
    bench = deploy(OTHER_SIDE)
    a = gather(bench)
    bench.mark(89, *START[1:], funding=[2, 0, 0])
    assert outcome(bench.socialize(a["loser"])) == (80, 0, 80, 0)


# --- nobody to bear it ---------------------------------------------------------------------


def test_with_nobody_to_charge_the_loss_is_a_deficit_and_not_lost(deploy: Deploy) -> None:
    """Both sides are the loser's and the backstop's: open interest that bears is 0."""
    bench = deploy(BOTH_SIDES)
    bench.open("loser", 50)
    child = bench.open_backstop("child", 100)
    swap(bench, bench.accounts["loser"], child, 10, 100)
    crash(bench)
    receipt = bench.socialize(bench.accounts["loser"])
    assert outcome(receipt) == (60, 0, 0, 60)
    assert receipt.named("Charged") == []
    assert bench.pool.call.solvency().deficit == 60 * USD
    assert bench.at(bench.accounts["loser"]) == (0, 0)
    assert bench.at(child) == (0, 100 + 110)
    assert sums_hold(bench)


def test_a_backstop_on_the_side_that_gained_bears_its_part(deploy: Deploy) -> None:
    """It is charged before it takes the lots: they would net its own away, and the charge."""
    bench = deploy(OTHER_SIDE)
    bench.open("loser", 50)
    child = bench.open_backstop("child", 100)
    swap(bench, bench.accounts["loser"], child, 10, 100)
    crash(bench)
    assert outcome(bench.socialize(bench.accounts["loser"])) == (60, 0, 60, 0)
    assert bench.at(child) == (0, 100 + 110 - 60)


def test_a_loser_without_positions_is_written_off(deploy: Deploy) -> None:
    bench = deploy(OTHER_SIDE)
    a = gather(bench)
    bench.pool.transact.pay(a["loser"], a["long"], 70 * USD, sender=hand(bench))
    swap(bench, a["long"], a["loser"], 10, 100)
    assert outcome(bench.socialize(a["loser"])) == (20, 0, 0, 20)
    assert bench.pool.call.solvency().deficit == 20 * USD


# --- the bound -----------------------------------------------------------------------------


def test_a_lot_is_charged_no_more_than_its_part_of_mark_the_rest_is_a_deficit(
    deploy: Deploy,
) -> None:
    bench = deploy(IndexRules(most=40_000))
    a = gather(bench)
    crash(bench, 75)
    before = equities(bench, "near", "far")
    # It owes 200; 4 % of 75 is 3 a lot.
    assert outcome(bench.socialize(a["loser"])) == (200, 0, 42, 158)
    assert lost(bench, before, "near", "far") == [27, 15]
    assert bench.pool.call.solvency().deficit == 158 * USD
    assert bench.adl.call.room(0, False) == 0
    assert sums_hold(bench)


def test_the_bound_is_of_all_charges_of_an_epoch(deploy: Deploy) -> None:
    bench = deploy(IndexRules(most=100_000))
    a = gather(bench)
    bench.open("second", 10)
    swap(bench, a["second"], a["far"], 2, 100)
    crash(bench, 90)
    # 9 a lot: the first takes 50 / 16 of it, the second owes 10.
    bench.socialize(a["loser"])
    used = -(-50 * USD // 16)
    assert bench.adl.call.room(0, False) == 9 * USD - used
    bench.socialize(a["second"])
    used += -(-10 * USD // 16)
    assert bench.adl.call.room(0, False) == 9 * USD - used
    assert bench.adl.call.room(0, True) == 9 * USD
    crash(bench, 80)
    assert bench.adl.call.room(0, False) == 8 * USD


def test_both_sides_have_one_room(deploy: Deploy) -> None:
    bench = deploy(IndexRules(both_sides=True, most=100_000))
    a = gather(bench)
    crash(bench)
    bench.socialize(a["loser"])
    rooms = {bench.adl.call.room(0, longs) for longs in (True, False)}
    assert rooms == {89 * USD // 10 - -(-60 * USD // 18)}


# --- the backstop as a loser ----------------------------------------------------------------


@pytest.mark.parametrize(("rules", "lots"), [(OTHER_SIDE, 14), (BOTH_SIDES, 18)])
def test_a_backstop_below_zero_keeps_its_lots_and_has_nothing(
    deploy: Deploy, rules: Rules, lots: int
) -> None:
    bench = deploy(rules)
    a = gather(bench)
    crash(bench)
    bench.socialize(a["loser"])
    crash(bench, 75)
    # 10 lots taken at 89 have lost 140 of the 100 that it had.
    before = equities(bench, "near")
    assert outcome(bench.socialize(a["child"])) == (40, 0, 40, 0)
    assert bench.at(a["child"]) == (10, -750)
    assert lost(bench, before, "near") == [9 * -(-40 * USD // lots) * WEI]
    assert sums_hold(bench)


def test_what_a_backstop_can_not_have_borne_stays_its_debt_until_the_next_epoch(
    deploy: Deploy,
) -> None:
    bench = deploy(IndexRules(most=20_000))
    a = gather(bench)
    swap(bench, a["child"], a["loser"], 10, 100)
    crash(bench, 50)
    # It lacks 400; a lot bears 1 an epoch, and 14 are short.
    assert outcome(bench.socialize(a["child"])) == (400, 0, 14, 386)
    assert outcome(bench.socialize(a["child"])) == (386, 0, 0, 386)
    assert bench.equity(a["child"]) == -386
    crash(bench, 50)
    assert outcome(bench.socialize(a["child"])) == (386, 0, 14, 372)
    assert bench.pool.call.solvency().deficit == 0
    assert sums_hold(bench)


def test_without_a_backstop_a_loser_keeps_its_lots(deploy: Deploy) -> None:
    bench = deploy(OTHER_SIDE)
    a = gather(bench)
    bench.backstop.transact.set_backstop(0, sender=bench.admin)
    crash(bench)
    assert outcome(bench.socialize(a["loser"])) == (60, 0, 60, 0)
    assert bench.at(a["loser"]) == (10, -890)


# --- around a charge ------------------------------------------------------------------------


def test_who_sells_before_a_charge_leaves_it_to_who_buys(deploy: Deploy) -> None:
    """In one block `near` passes its lots on to a newcomer, then the loser is closed."""
    bench = deploy(OTHER_SIDE)
    a = gather(bench)
    bench.open("newcomer", 1_000)
    crash(bench, 88)
    before = equities(bench, "near", "far", "newcomer")
    sale = pass_on(bench, a["near"], a["newcomer"], 9, 88)
    block = in_one_block(bench, sale, closing(bench, a["loser"]))
    assert lost(bench, before, "near", "far", "newcomer") == [0, 25, 45]
    assert outcome(block.receipts[1]) == (70, 0, 70, 0)


def test_who_opens_after_a_charge_bears_nothing_of_it(deploy: Deploy) -> None:
    bench = deploy(OTHER_SIDE)
    a = gather(bench)
    bench.open("late", 1_000)
    crash(bench)
    sale = pass_on(bench, a["long"], a["late"], 8, 89)
    in_one_block(bench, closing(bench, a["loser"]), sale)
    assert bench.equity(a["late"]) == 1_000


def test_who_opens_both_sides_around_a_charge_pays_for_what_it_spares_others(
    deploy: Deploy,
) -> None:
    """In one block, two accounts of one owner, long and short 14: it bears half of the loss."""
    bench = deploy(OTHER_SIDE)
    a = gather(bench)
    for name in ("left", "right"):
        bench.open(name, 10_000)
    crash(bench, 88)
    before = equities(bench, "near", "far", "left", "right")
    opened = pass_on(bench, a["left"], a["right"], 14, 88)
    closed = pass_on(bench, a["right"], a["left"], 14, 88)
    in_one_block(bench, opened, closing(bench, a["loser"]), closed)
    assert lost(bench, before, "near", "far", "left", "right") == [22.5, 12.5, 0, 35]
    assert bench.size(a["left"]) == bench.size(a["right"]) == 0
    assert sums_hold(bench)


def test_a_flat_account_bears_nothing(deploy: Deploy) -> None:
    bench = deploy(BOTH_SIDES)
    a = gather(bench)
    bench.open("saver", 500)
    crash(bench, 60)
    bench.socialize(a["loser"])
    assert bench.equity(a["saver"]) == 500
    assert bench.pool.call.is_senior(a["saver"])


def test_a_holder_that_a_charge_brings_below_zero_is_a_loser_in_turn(deploy: Deploy) -> None:
    bench = deploy(OTHER_SIDE)
    a = gather(bench)
    bench.open("thin", 1)
    swap(bench, a["long"], a["thin"], 1, 88)
    crash(bench, 88)
    bench.socialize(a["loser"])
    share = -(-70 * USD // 15)
    assert bench.equity(a["thin"]) == 1 - share * WEI
    assert outcome(bench.socialize(a["thin"]))[0] == share * WEI - 1
    assert bench.at(a["thin"]) == (0, 0)
    assert sums_hold(bench)


def held(bench: Bench) -> list[int]:
    return [bench.size(bench.accounts[name]) for name in NAMES]


def test_nobody_but_the_loser_is_closed(deploy: Deploy) -> None:
    bench = deploy(BOTH_SIDES)
    a = gather(bench)
    before = held(bench)
    crash(bench)
    bench.socialize(a["loser"])
    assert held(bench) == [*before[:3], 10]
