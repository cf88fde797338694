"""Who bears what a loser owes, and what becomes of its lots."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from spillway.model.adl_profit import WEIGHT_UNIT
from spillway.rules import FundParams
from tests.bench import USD
from tests.unit.contracts.adl_profit.crowd import (
    WEI,
    charges,
    close,
    crash,
    equities,
    gather,
    is_idle,
    lost,
    outcomes,
    ruin,
)
from tests.unit.contracts.hand import START, hand, sums_hold, swap

if TYPE_CHECKING:
    from tests.bench import Bench
    from tests.unit.contracts.adl_profit.conftest import Deploy

NAMES = ("long", "near", "far", "child")


def parts(debt: int, weights: list[int]) -> list[int]:
    """A debt by weights, as its running sums rounded down have it; quote."""
    total, passed, found = sum(weights), 0, []
    for weight in weights:
        found.append(debt * (passed + weight) // total - debt * passed // total)
        passed += weight
    return found


def test_all_who_profit_bear_a_loss_in_proportion_whatever_their_lots_and_side(
    deploy: Deploy,
) -> None:
    """As the page on the waterfall has it: 70 on profits of 12, 108 and 0."""
    bench = deploy()
    a = gather(bench)
    crash(bench)
    before = equities(bench, *NAMES)
    receipt = close(bench, a["loser"])
    assert outcomes(receipt) == {a["loser"]: (70, 0, 70, 0)}
    assert lost(bench, before, *NAMES) == [7, 63, 0, 0]
    assert bench.pool.call.solvency().deficit == 0
    assert is_idle(bench)
    assert sums_hold(bench)


def test_the_loser_ends_flat_with_nothing_and_nobody_else_is_closed(deploy: Deploy) -> None:
    bench = deploy()
    a = gather(bench)
    crash(bench)
    close(bench, a["loser"])
    assert bench.at(a["loser"]) == (0, 0)
    assert bench.pool.call.legs_of(a["loser"]) == 0
    assert bench.at(a["child"]) == (10, 100 - 880)
    assert [bench.size(a[name]) for name in ("long", "near", "far")] == [4, -9, -5]
    assert bench.pool.call.market(0).open_interest == 14


def test_parts_add_up_to_the_debt_to_the_last_unit(deploy: Deploy) -> None:
    """At 87: 80 on 8, 117 and 13 - 8 = 5; the first place of the longs is the child's now."""
    bench = deploy()
    a = gather(bench)
    crash(bench, 87)
    receipt = close(bench, a["loser"])
    wanted = parts(80 * USD, [8 * 10**6, 117 * 10**6, 5 * 10**6])
    assert [amount % 10**18 for amount in wanted] != [0, 0, 0]
    told = [(holder, amount) for _, _, holder, amount in charges(receipt)]
    assert told == list(zip([a["long"], a["near"], a["far"]], wanted, strict=True))
    assert bench.equity(a["loser"]) == 0


def test_a_short_that_loses_is_borne_by_profits_too(deploy: Deploy) -> None:
    bench = deploy()
    for name, usd in {"loser": 50, "a": 1_000, "b": 1_000}.items():
        bench.open(name, usd)
    bench.open_backstop("child", 100)
    a = bench.accounts
    swap(bench, a["a"], a["loser"], 3, 100)
    swap(bench, a["b"], a["loser"], 7, 110)
    crash(bench, 115)
    # It has 50 + 70 and owes 150 - 120 = 30; profits are 45 and 35.
    before = equities(bench, "a", "b")
    assert outcomes(close(bench, a["loser"])) == {a["loser"]: (30, 0, 30, 0)}
    first, second = parts(30 * USD, [45 * 10**6, 35 * 10**6])
    assert lost(bench, before, "a", "b") == [first * WEI, second * WEI]
    assert bench.size(a["child"]) == -10


def test_a_profit_counts_no_further_than_the_equity_behind_it(deploy: Deploy) -> None:
    bench = deploy()
    a = gather(bench)
    crash(bench)
    ruin(bench, a["near"], 1_000 + 108 - 28, a["far"])
    before = equities(bench, *NAMES)
    # 28 of its 108 count: 70 is more than the 40 that are there.
    assert outcomes(close(bench, a["loser"])) == {a["loser"]: (70, 0, 40, 30)}
    assert lost(bench, before, *NAMES) == [12, 28, 0, 0]
    assert bench.pool.call.solvency().deficit == 30 * USD
    assert sums_hold(bench)


def test_funding_counts_as_profit_and_as_loss(deploy: Deploy) -> None:
    """Longs pay 2 a lot: the loser owes 90, profits are 12 - 8, 108 + 18 and 0 + 10."""
    bench = deploy()
    a = gather(bench)
    bench.mark(88, *START[1:], funding=[2, 0, 0])
    before = equities(bench, "long", "near", "far")
    assert outcomes(close(bench, a["loser"])) == {a["loser"]: (90, 0, 90, 0)}
    wanted = parts(90 * USD, [4 * 10**6, 126 * 10**6, 10 * 10**6])
    assert lost(bench, before, "long", "near", "far") == [amount * WEI for amount in wanted]


def test_profit_of_other_markets_does_not_count(deploy: Deploy) -> None:
    bench = deploy()
    a = gather(bench)
    swap(bench, a["long"], a["far"], 100, 40, market=1)
    crash(bench)
    before = equities(bench, *NAMES)
    close(bench, a["loser"])
    assert lost(bench, before, *NAMES) == [7, 63, 0, 0]


def test_markets_share_a_debt_by_maintenance_the_last_one_takes_the_rest(deploy: Deploy) -> None:
    bench = deploy()
    for name, usd in {"loser": 100, "first": 1_000, "third": 1_000}.items():
        bench.open(name, usd)
    bench.open_backstop("child", 100)
    a = bench.accounts
    swap(bench, a["loser"], a["first"], 2, 100)
    swap(bench, a["third"], a["loser"], 10, 20, market=2)
    bench.mark(80, 50, 29)
    # 100 - 40 - 90 = -30; maintenance is 16 and 29 of 45.
    before = equities(bench, "first", "third")
    close(bench, a["loser"])
    first = 30 * USD * 16 // 45
    assert lost(bench, before, "first", "third") == [first * WEI, (30 * USD - first) * WEI]
    assert [bench.size(a["child"], market) for market in (0, 2)] == [2, -10]
    assert is_idle(bench)
    assert sums_hold(bench)


# --- the fund ------------------------------------------------------------------------------


def test_the_fund_pays_before_profits_do(deploy: Deploy) -> None:
    bench = deploy(fund=FundParams())
    fund = bench.open_fund("fund", 10)
    a = gather(bench)
    crash(bench)
    before = equities(bench, *NAMES)
    assert outcomes(close(bench, a["loser"])) == {a["loser"]: (70, 10, 60, 0)}
    assert lost(bench, before, *NAMES) == [6, 54, 0, 0]
    assert bench.equity(fund) == 0
    assert bench.insurance.call.paid(0) == 10 * USD


def test_a_fund_that_has_enough_leaves_holders_alone(deploy: Deploy) -> None:
    bench = deploy(fund=FundParams())
    bench.open_fund("fund", 71)
    a = gather(bench)
    crash(bench)
    receipt = close(bench, a["loser"])
    assert outcomes(receipt) == {a["loser"]: (70, 70, 0, 0)}
    assert receipt.named("DebtJoined") == charges(receipt) == []
    assert bench.at(a["loser"]) == (0, 0)


def test_a_fund_that_takes_over_gets_the_lots_and_bears_its_part(deploy: Deploy) -> None:
    """Nobody is exempt: it is long 4 from 85 itself, and has nothing to pay with but 58."""
    bench = deploy(fund=FundParams(takes_over=True))
    a = gather(bench)
    fund = bench.open_fund("fund")
    swap(bench, fund, a["long"], 4, 85)
    crash(bench)
    before = [*equities(bench, *NAMES), bench.equity(fund)]
    assert before[-1] == 12
    # Its 12 pay 12 of the 70 at once, and then there is nothing left of its 12.
    assert outcomes(close(bench, a["loser"])) == {a["loser"]: (70, 12, 58, 0)}
    assert lost(bench, before[:-1], *NAMES) == [0, 58, 0, 0]
    assert (bench.size(fund), bench.equity(fund)) == (14, 0)


def test_a_backstop_in_profit_bears_its_part(deploy: Deploy) -> None:
    bench = deploy()
    a = gather(bench)
    swap(bench, a["child"], a["long"], 4, 85)
    crash(bench)
    before = equities(bench, *NAMES)
    close(bench, a["loser"])
    # It has 14 lots by then, 4 of them from 85 and 10 from 88.
    assert lost(bench, before, *NAMES) == [0, 63, 0, 7]


# --- not enough profit ---------------------------------------------------------------------


def deepen(bench: Bench, a: dict[str, int]) -> None:
    """At 88 the loser owes 270, and profits are 120."""
    crash(bench)
    ruin(bench, a["loser"], 200, a["far"])


def test_what_profits_do_not_cover_is_a_deficit(deploy: Deploy) -> None:
    bench = deploy()
    a = gather(bench)
    deepen(bench, a)
    before = equities(bench, *NAMES)
    assert outcomes(close(bench, a["loser"])) == {a["loser"]: (270, 0, 120, 150)}
    assert lost(bench, before, *NAMES) == [12, 108, 0, 0]
    assert bench.pool.call.solvency().deficit == 150 * USD
    assert bench.at(a["loser"]) == (0, 0)
    assert is_idle(bench)


def test_with_nobody_in_profit_all_of_it_is_a_deficit(deploy: Deploy) -> None:
    bench = deploy()
    bench.open("loser", 50)
    bench.open("other", 1_000)
    bench.open_backstop("child", 100)
    a = bench.accounts
    swap(bench, a["loser"], a["other"], 10, 88)
    crash(bench)
    ruin(bench, a["loser"], 110, a["other"])
    assert outcomes(close(bench, a["loser"])) == {a["loser"]: (60, 0, 0, 60)}
    assert bench.pool.call.solvency().deficit == 60 * USD
    assert is_idle(bench)


def test_a_loser_without_positions_is_written_off(deploy: Deploy) -> None:
    bench = deploy()
    a = gather(bench)
    ruin(bench, a["loser"], 70, a["long"])
    swap(bench, a["long"], a["loser"], 10, 100)
    receipt = close(bench, a["loser"])
    assert outcomes(receipt) == {a["loser"]: (20, 0, 0, 20)}
    assert bench.pool.call.solvency().deficit == 20 * USD


def test_what_a_position_was_charged_lowers_its_profit(deploy: Deploy) -> None:
    """A second loser owes 60 where 120 - 70 are left: nobody pays more than it made."""
    bench = deploy()
    a = gather(bench)
    bench.open("second", 0)
    swap(bench, a["second"], a["child"], 1, 88)
    crash(bench)
    close(bench, a["loser"])
    ruin(bench, a["second"], 60, a["far"])
    before = equities(bench, *NAMES)
    assert outcomes(close(bench, a["second"])) == {a["second"]: (60, 0, 50, 10)}
    assert lost(bench, before, *NAMES) == [5, 45, 0, 0]


def test_a_position_that_changes_begins_anew(deploy: Deploy) -> None:
    """What it was charged before is no part of what it makes from then on."""
    bench = deploy()
    a = gather(bench)
    bench.open("second", 0)
    crash(bench)
    close(bench, a["loser"])
    swap(bench, a["second"], a["near"], 1, 88)
    ruin(bench, a["second"], 24, a["far"])
    before = equities(bench, "long", "near")
    # 12 - 7 of the long, who has not moved, and 108 of `near`, whose 63 are forgotten.
    close(bench, a["second"])
    wanted = parts(24 * USD, [5 * 10**6, 108 * 10**6])
    assert lost(bench, before, "long", "near") == [amount * WEI for amount in wanted]


def test_a_weight_has_a_bound_far_beyond_what_a_venue_holds(deploy: Deploy) -> None:
    """2**45 lots fall from 2**79 to 1: the profit is 2**84 steps, of which 2**80 - 1 count."""
    bench = deploy()
    for name in ("loser", "winner"):
        bench.open(name, 1)
    bench.open_backstop("child", 0)
    a, high, lots = bench.accounts, 2**79, 2**45
    bench.pool.transact.advance([(0, high, high, 0)], sender=bench.oracle)
    told = (0, a["loser"], a["winner"], lots, lots * high)
    bench.pool.transact.exchange(*told, sender=hand(bench))
    bench.pool.transact.advance([(0, 1, 1, 0)], sender=bench.oracle)
    ((_, _, holder, amount),) = charges(close(bench, a["loser"]))
    assert (holder, amount) == (a["winner"], (2**80 - 1) * WEIGHT_UNIT)
    assert bench.pool.call.solvency().deficit == lots * (high - 1) - USD - amount
    assert sums_hold(bench)


# --- a backstop that loses -----------------------------------------------------------------


def test_a_backstop_that_loses_keeps_its_lots(deploy: Deploy) -> None:
    bench = deploy()
    a = gather(bench)
    swap(bench, a["child"], a["near"], 20, 100)
    crash(bench)
    # 100 - 240 = -140; near has made 29 * 12 = 348 by now.
    before = equities(bench, "long", "near")
    assert outcomes(close(bench, a["child"])) == {a["child"]: (140, 0, 140, 0)}
    wanted = parts(140 * USD, [12 * 10**6, 348 * 10**6])
    assert lost(bench, before, "long", "near") == [amount * WEI for amount in wanted]
    assert (bench.size(a["child"]), bench.equity(a["child"])) == (20, 0)
    assert is_idle(bench)


def test_a_backstop_that_still_owes_takes_no_more_than_profits_however_often(
    deploy: Deploy,
) -> None:
    bench = deploy()
    a = gather(bench)
    swap(bench, a["child"], a["near"], 20, 100)
    ruin(bench, a["child"], 500, a["far"])
    crash(bench)
    before = equities(bench, "long", "near")
    assert outcomes(close(bench, a["child"])) == {a["child"]: (640, 0, 360, 280)}
    assert outcomes(close(bench, a["child"])) == {a["child"]: (280, 0, 0, 280)}
    assert lost(bench, before, "long", "near") == [12, 348]
    assert (bench.size(a["child"]), bench.equity(a["child"])) == (20, -280)
    assert bench.pool.call.solvency().deficit == 0
    assert is_idle(bench)


def test_without_a_backstop_losers_keep_their_lots(deploy: Deploy) -> None:
    bench = deploy()
    for name, usd in {"loser": 50, "winner": 1_000}.items():
        bench.open(name, usd)
    a = bench.accounts
    swap(bench, a["loser"], a["winner"], 10, 100)
    crash(bench)
    assert outcomes(close(bench, a["loser"])) == {a["loser"]: (70, 0, 70, 0)}
    assert (bench.size(a["loser"]), bench.equity(a["loser"])) == (10, 0)


# --- who does not pay ----------------------------------------------------------------------


def test_a_flat_account_bears_nothing(deploy: Deploy) -> None:
    bench = deploy()
    a = gather(bench)
    bench.open("saver", 500)
    crash(bench, 60)
    close(bench, a["loser"])
    assert bench.equity(a["saver"]) == 500
    assert bench.pool.call.is_senior(a["saver"])


def test_who_has_taken_its_profit_and_left_bears_nothing(deploy: Deploy) -> None:
    """Realised profit does not count: the position that it sold has just begun."""
    bench = deploy()
    a = gather(bench)
    bench.open("newcomer", 1_000)
    crash(bench)
    swap(bench, a["near"], a["newcomer"], 9, 88)
    before = equities(bench, *NAMES, "newcomer")
    assert outcomes(close(bench, a["loser"])) == {a["loser"]: (70, 0, 12, 58)}
    assert lost(bench, before, *NAMES, "newcomer") == [12, 0, 0, 0, 0]


@pytest.mark.parametrize("order", [("loser", "second"), ("second", "loser")])
def test_two_losers_of_a_market_have_one_job_and_are_paid_in_their_order(
    deploy: Deploy, order: tuple[str, str]
) -> None:
    bench = deploy()
    a = gather(bench)
    bench.open("second", 10)
    swap(bench, a["second"], a["near"], 5, 100)
    crash(bench)
    # 70 and 60 - 10 = 50; profits are 12 and 14 * 12 = 168. Take 100 of that away.
    ruin(bench, a["near"], 1_168 - 68, a["far"])
    before = equities(bench, "long", "near")
    owed = {"loser": 70, "second": 50}
    receipt = close(bench, *(a[name] for name in order))
    assert len(receipt.named("CollectionBegun")) == 1
    first, second = order
    assert outcomes(receipt) == {
        a[first]: (owed[first], 0, owed[first], 0),
        a[second]: (owed[second], 0, 80 - owed[first], 120 - 80),
    }
    assert lost(bench, before, "long", "near") == [12, 68]
    assert is_idle(bench)
    assert sums_hold(bench)
