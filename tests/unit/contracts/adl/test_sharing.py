"""Sharing on the chain: quotas, prices, drafts, and what nobody can get in the way of.

In the crowd the loser is long 10 and lacks 10 USD at 89: 1 a lot. Shorts a, b, c, d have 4, 3, 5, 2
lots of 14, so that 10 lots make 40, 30, 50 and 20 fourteenths: 2, 2, 3, 1, and the two that are
left go to the remainders of 12/14 (a) and 8/14 (c).
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from spillway.model.policies import SHARES, contract_name
from spillway.rules import AdlRules, FundParams, Price
from tests.bench import DEFICIT, USD
from tests.bench import SHARED_ADL as SHARED
from tests.chain import refused, undone
from tests.unit.contracts.adl import sharing
from tests.unit.contracts.adl.sharing import (
    end_job,
    entries,
    job,
    level,
    make_ready,
    open_jobs,
    scan,
)
from tests.unit.contracts.adl.stage import (
    ABSENT,
    LIFETIME,
    READY,
    SCANNING,
    close,
    crash,
    fills,
    gaps,
    open_crowd,
    pass_blocks,
)
from tests.unit.contracts.hand import START, sums_hold, swap

if TYPE_CHECKING:
    from collections.abc import Callable

    from spillway.build import Artifacts
    from spillway.engines import Address, Engine
    from tests.bench import Bench

LOSER_CLOSED, UNFIT, EXPIRED = range(3)
GIVEN = {"a": 3, "b": 2, "c": 4, "d": 1}


@pytest.fixture(scope="module")
def deployed(
    engine: Engine, artifacts: Artifacts, admin: Address, keeper: Address
) -> Callable[[str], Bench]:
    """A venue for each policy, deployed once."""
    found: dict[str, Bench] = {}

    def venue(policy: str) -> Bench:
        if policy not in found:
            found[policy] = sharing.deploy(engine, artifacts, admin, keeper, policy)
        return found[policy]

    for name in SHARES:
        venue(contract_name(name))
    return venue


@pytest.fixture
def venues(deployed: Callable[[str], Bench]) -> Callable[[str], Bench]:
    """The same with nobody in it."""
    return lambda policy: replace(deployed(policy), accounts={}, owners={})


@pytest.fixture
def bench(venues: Callable[[str], Bench]) -> Bench:
    """The crowd, its loser below zero, where contracts are shared."""
    venue = venues("ContractsProRata")
    open_crowd(venue)
    crash(venue)
    return venue


@pytest.fixture
def loser(bench: Bench) -> int:
    return bench.accounts["loser"]


# --- what is given, and at what price -----------------------------------------------------------


def test_everyone_gives_its_share_at_the_bankruptcy_price(bench: Bench, loser: int) -> None:
    a = bench.accounts
    before = {name: bench.equity(a[name]) for name in GIVEN}
    receipt = bench.deleverage(loser)
    told = {winner: (lots, price) for winner, lots, price, _ in fills(receipt)}
    assert told == {a[name]: (lots, 90) for name, lots in GIVEN.items()}
    assert (bench.size(loser), bench.equity(loser)) == (0, 0)
    assert {n: before[n] - bench.equity(a[n]) for n in GIVEN} == GIVEN
    assert job(bench, loser).phase == ABSENT
    assert not bench.pool.call.market(0).locked
    assert sums_hold(bench)


@pytest.mark.parametrize("name", SHARES)
def test_quotas_are_those_of_the_twin_and_add_up(venues: Callable[[str], Bench], name: str) -> None:
    bench = venues(contract_name(name))
    a = open_crowd(bench)
    crash(bench)
    lots = -sum(bench.size(a[each]) for each in GIVEN) - 4
    assert bench.size(a["loser"]) == lots == 10
    make_ready(bench, a["loser"])
    told = entries(bench, a["loser"])
    assert sum(quota for _, quota in told) == lots
    receipt = close(bench, a["loser"])
    assert [(winner, given) for winner, given, _, _ in fills(receipt)] == told
    assert bench.equity(a["loser"]) == 0
    assert sums_hold(bench)


def test_water_leaves_the_lowest_highest_leverage(venues: Callable[[str], Bench]) -> None:
    """At first c is at 445 / 75 = 5.9, a at 356 / 94 = 3.8, d at 0.8, b at 0.5."""
    bench = venues("WaterFilling")
    a = open_crowd(bench)
    crash(bench)
    bench.deleverage(a["loser"])
    after = {n: Decimal(-bench.size(a[n]) * 89) / bench.equity(a[n]) for n in GIVEN}
    kept = {name: -bench.size(a[name]) for name in GIVEN}
    assert sum(kept.values()) == 4
    # Whoever gave a lot would be more levered with it than anybody is now.
    for name, had in {"a": 4, "b": 3, "c": 5, "d": 2}.items():
        if kept[name] < had:
            equity = bench.equity(a[name]) + 1
            assert Decimal((kept[name] + 1) * 89) / equity >= max(after.values())


def test_a_loser_in_two_markets_is_shared_in_both(bench: Bench) -> None:
    """What it lacks goes over both by maintenance, and it ends with nothing, to the last unit."""
    a = bench.accounts
    for name, usd in {"cross": 300, "bear": 1_000, "bull": 1_000, "calm": 5_000}.items():
        bench.open(name, usd)
    swap(bench, a["cross"], a["bear"], 7, 110)
    swap(bench, a["bull"], a["cross"], 9, 40, market=1)
    swap(bench, a["calm"], a["cross"], 4, 45, market=1)
    bench.mark(84, 56, 20)
    bench.mark(83, 57, 20)
    lacks = -bench.equity(a["cross"])
    assert lacks == -(300 - 7 * 27 - 9 * 17 - 4 * 12)
    receipt = bench.deleverage(a["cross"])
    assert bench.legs(a["cross"]) == []
    assert bench.equity(a["cross"]) == 0
    markets = [event.market for event in receipt.named("Deleveraged")]
    assert set(markets) == {0, 1}
    assert sum(e.taken for e in receipt.named("Deleveraged")) == lacks * USD
    for market, lots in ((0, 7), (1, 13)):
        found = [e.lots for e in receipt.named("Deleveraged") if e.market == market]
        assert sum(found) == lots
    assert sums_hold(bench)


def test_who_cannot_bear_its_part_pays_what_it_has_and_the_others_bear_the_rest(
    bench: Bench, loser: int
) -> None:
    """The poor one has 4 of 18 lots, gives 2 (20/9) of them, and has half a dollar."""
    a = bench.accounts
    bench.open("poor", 1)
    swap(bench, a["rich"], a["poor"], 4, Decimal("88.875"))
    assert bench.equity(a["poor"]) == Decimal("0.5")
    receipt = bench.deleverage(loser)
    told = {winner: lots for winner, lots, _, _ in fills(receipt)}
    assert told[a["poor"]] == 2
    assert bench.equity(a["poor"]) == 0
    first = receipt.named("Deleveraged")[0].winner
    assert gaps(receipt) == [(0, first, Decimal("1.5"))]
    assert bench.equity(loser) == 0
    assert bench.pool.call.solvency().deficit == 0
    assert sums_hold(bench)


def test_what_nobody_can_bear_is_written_off(venues: Callable[[str], Bench]) -> None:
    """Both sides below zero: the shorts, too, have nothing."""
    bench = venues("ContractsProRata")
    for name, usd in {"loser": 1, "poor": 1, "rich": 1_000}.items():
        bench.open(name, usd)
    a = bench.accounts
    swap(bench, a["loser"], a["poor"], 4, 100)
    swap(bench, a["rich"], a["poor"], 1, 150, market=1)
    swap(bench, a["poor"], a["rich"], 1, 100, market=1)
    swap(bench, a["poor"], a["rich"], 1, 150, market=1)
    bench.mark(89, *START[1:])
    assert bench.equity(a["loser"]) == -43
    assert bench.equity(a["poor"]) == 1 + 44 + 50 - 100 == -5
    receipt = bench.deleverage(a["loser"])
    assert receipt.named("Closed")[0].left == 43 * USD
    assert bench.equity(DEFICIT) == -43
    assert sums_hold(bench)


def test_the_fund_pays_before_winners_do(
    engine: Engine, artifacts: Artifacts, admin: Address, keeper: Address
) -> None:
    """It has 4 of the 10 that are lacking: 6 over 10 lots are left to winners."""
    rules = SHARED._replace(covered=True)
    bench = sharing.deploy(
        engine, artifacts, admin, keeper, closing=rules, fund=FundParams(pooled=True)
    )
    loser = open_crowd(bench)["loser"]
    bench.open_fund("fund", 4)
    crash(bench)
    _, asked = bench.adl.call.demand(loser, 0)
    assert asked.loss == 6 * USD // 10
    receipt = bench.deleverage(loser)
    assert sum(e.taken for e in receipt.named("Deleveraged")) == 6 * USD
    assert bench.equity(bench.accounts["fund"]) == 0
    assert bench.equity(loser) == 0
    assert sums_hold(bench)


@pytest.mark.parametrize(
    "rules",
    [
        SHARED._replace(price=Price.PREVIOUS_MARK),
        SHARED._replace(price=Price.MARK),
        SHARED._replace(price=Price.INDEX),
        SHARED._replace(everyone=False),
        SHARED._replace(restoring=True),
    ],
)
def test_other_prices_and_parts_of_a_position_are_refused(
    engine: Engine, artifacts: Artifacts, admin: Address, keeper: Address, rules: AdlRules
) -> None:
    with refused("adl: bad rules"):
        sharing.deploy(engine, artifacts, admin, keeper, closing=rules)


# --- levels and drafts ---------------------------------------------------------------------------


def test_the_sum_leaves_no_choice(bench: Bench, loser: int) -> None:
    """Every level near the right one is refused, or gives the same quotas."""
    open_jobs(bench, loser)
    right = level(bench, loser)
    with undone(bench.engine):
        scan(bench, loser, right)
        quotas = entries(bench, loser)
    seen = set()
    for shift in range(-3, 4):
        for far in (0, 40, 2**31, 2**33):
            told = right + shift * (far + 1)
            with undone(bench.engine):
                receipt = bench.engine.send(
                    bench.adl.build.scan(loser, 0, told, 99, sender=bench.keeper, gas=3_000_000)
                )
                seen.add(receipt.success)
                if receipt.success:
                    assert entries(bench, loser) == quotas
                else:
                    assert receipt.reason == "adl: quotas do not add up"
    assert seen == {True, False}


def test_a_wrong_level_blocks_nobody(bench: Bench, loser: int, outsider: Address) -> None:
    open_jobs(bench, loser)
    right = level(bench, loser)
    scan(bench, loser, 2**190, 3, sender=outsider)
    with refused("adl: quotas do not add up"):
        scan(bench, loser, 2**190, sender=outsider)
    scan(bench, loser, right)
    assert job(bench, loser).phase == READY
    assert entries(bench, loser) == [(bench.accounts[n], lots) for n, lots in GIVEN.items()]
    close(bench, loser)
    assert bench.equity(loser) == 0


def test_nobody_displaces_the_draft_of_another(bench: Bench, loser: int, outsider: Address) -> None:
    """Page by page, an outsider between each two of them, at other levels and at the same."""
    open_jobs(bench, loser)
    right = level(bench, loser)
    for count, told in ((1, 2**190), (1, right), (1, 0)):
        scan(bench, loser, right, count)
        before = bench.adl.call.draft(loser, 0, bench.keeper)
        scan(bench, loser, told, count, sender=outsider)
        assert bench.adl.call.draft(loser, 0, bench.keeper) == before
    assert (before.cursor, before.level) == (3, right)
    scan(bench, loser, right)
    assert job(bench, loser).phase == READY
    assert entries(bench, loser) == [(bench.accounts[n], lots) for n, lots in GIVEN.items()]


def test_another_level_begins_a_draft_again(bench: Bench, loser: int) -> None:
    open_jobs(bench, loser)
    right = level(bench, loser)
    scan(bench, loser, 2**190, 3)
    scan(bench, loser, right, 1)
    draft = bench.adl.call.draft(loser, 0, bench.keeper)
    assert (draft.level, draft.cursor, draft.lots) == (right, 1, GIVEN["a"])
    scan(bench, loser, right)
    assert job(bench, loser).phase == READY


def test_drafts_of_an_earlier_job_do_not_count(bench: Bench, loser: int) -> None:
    open_jobs(bench, loser)
    scan(bench, loser, level(bench, loser), 2)
    pass_blocks(bench, LIFETIME + 1)
    assert end_job(bench, loser).named("SharesEnded")[0].reason == EXPIRED
    open_jobs(bench, loser)
    assert bench.adl.call.draft(loser, 0, bench.keeper).cursor == 0


# --- jobs of several losers ----------------------------------------------------------------------


@pytest.fixture
def second(bench: Bench) -> int:
    """Another long below zero; together they have 12 of the 14 lots."""
    a = bench.accounts
    bench.open("second", 20)
    swap(bench, a["second"], a["rich"], 2, 100)
    assert bench.equity(a["second"]) == -2
    return a["second"]


def test_the_job_of_one_loser_is_not_in_the_way_of_another(
    bench: Bench, loser: int, second: int, outsider: Address
) -> None:
    """Whoever opens one and leaves it: another is closed, and both in the end."""
    bench.adl.transact.open_jobs(second, [0], sender=outsider)
    bench.deleverage(loser)
    assert bench.equity(loser) == 0
    assert bench.pool.call.market(0).locked
    scan(bench, second, level(bench, second))
    close(bench, second)
    end_job(bench, second)
    assert bench.equity(second) == 0
    assert not bench.pool.call.market(0).locked
    assert sums_hold(bench)


def test_a_market_is_locked_until_its_last_job_ends(bench: Bench, loser: int, second: int) -> None:
    adl, pool = bench.adl.call, bench.pool.call
    open_jobs(bench, loser)
    open_jobs(bench, second)
    assert [adl.open_at(0, place) for place in range(adl.open_count(0))] == [loser, second]
    pass_blocks(bench, LIFETIME + 1)
    end_job(bench, loser)
    assert pool.market(0).locked
    assert [adl.open_at(0, place) for place in range(adl.open_count(0))] == [second]
    end_job(bench, second)
    assert not pool.market(0).locked
    assert adl.open_count(0) == 0


def test_quotas_that_others_have_used_up_are_made_anew(
    bench: Bench, loser: int, second: int, outsider: Address
) -> None:
    """All are shared before any is closed: of 14 lots, the third finds its quotas gone."""
    a = bench.accounts
    third = bench.open("third", 20)
    swap(bench, third, a["rich"], 2, 100)
    for account in (loser, second, third):
        make_ready(bench, account)
    assert entries(bench, second) == entries(bench, third) == [(a["a"], 1), (a["c"], 1)]
    for account in (loser, second):
        close(bench, account)
    assert not fills(close(bench, third))
    assert (job(bench, third).phase, job(bench, third).serving) == (SCANNING, third)
    assert bench.size(third) == 2
    scan(bench, third, level(bench, third), 1, sender=outsider)
    scan(bench, third, level(bench, third))
    receipt = close(bench, third)
    assert {winner: lots for winner, lots, _, _ in fills(receipt)} == {a["b"]: 1, a["d"]: 1}
    assert (bench.size(third), bench.equity(third)) == (0, 0)
    for account in (loser, second, third):
        assert end_job(bench, account).named("SharesEnded")[0].reason == LOSER_CLOSED
    assert not bench.pool.call.market(0).locked
    assert sums_hold(bench)


def test_a_loser_that_others_have_closed_in_part_is_shared_anew(bench: Bench, loser: int) -> None:
    """It stands against a bankrupt short, d, too, and gives a lot of its own as its holder."""
    a = bench.accounts
    swap(bench, a["d"], a["rich"], 1, 500, market=1)
    assert bench.equity(a["d"]) < 0
    make_ready(bench, loser)
    bench.deleverage(a["d"])
    assert bench.size(loser) == 9
    with refused("adl: lots have changed"):
        close(bench, loser)
    assert end_job(bench, loser).named("SharesEnded")[0].reason == UNFIT
    receipt = bench.deleverage(loser)
    assert sum(lots for _, lots, _, _ in fills(receipt)) == 9
    assert bench.equity(loser) == 0
    assert sums_hold(bench)


# --- paging --------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", [1, 2, 3])
def test_pages_do_what_one_call_does(bench: Bench, loser: int, page: int) -> None:
    with undone(bench.engine):
        bench.deleverage(loser)
        whole = {name: bench.at(account) for name, account in bench.accounts.items()}
    open_jobs(bench, loser)
    right = level(bench, loser)
    while job(bench, loser).phase == SCANNING:
        scan(bench, loser, right, page)
    while bench.size(loser):
        close(bench, loser, page)
    end_job(bench, loser)
    assert {name: bench.at(account) for name, account in bench.accounts.items()} == whole


def test_a_closing_that_is_left_expires_with_its_job(bench: Bench, loser: int) -> None:
    make_ready(bench, loser)
    close(bench, loser, 1)
    with refused("adl: job is needed"):
        end_job(bench, loser)
    pass_blocks(bench, LIFETIME + 1)
    assert end_job(bench, loser).named("SharesEnded")[0].reason == EXPIRED
    assert bench.size(loser) == 10 - GIVEN["a"]
    bench.deleverage(loser)
    assert bench.equity(loser) == 0
    assert sums_hold(bench)


# --- refusals ------------------------------------------------------------------------------------


def test_whoever_is_not_below_zero_gets_no_job(bench: Bench) -> None:
    with refused("adl: account is not below zero"):
        open_jobs(bench, bench.accounts["rich"])
    assert bench.adl.transact.deleverage([bench.accounts["rich"]], [], sender=bench.keeper)


def test_a_market_without_a_leg_has_no_job(bench: Bench, loser: int) -> None:
    with refused("adl: no position"):
        open_jobs(bench, loser, 1)
    with refused("adl: no position"):
        bench.adl.call.demand(loser, 1)
    plan = (loser, 1, 7)
    right = (loser, 0, level(bench, loser))
    bench.adl.transact.deleverage([loser], [plan, right], sender=bench.keeper)
    assert bench.equity(loser) == 0


def test_a_job_is_opened_once(bench: Bench, loser: int) -> None:
    open_jobs(bench, loser)
    with refused("adl: job is open"):
        open_jobs(bench, loser)


def test_a_stale_mark_gets_no_job(bench: Bench, loser: int) -> None:
    bench.age(3_601)
    with refused("adl: stale mark"):
        open_jobs(bench, loser)
    right = (loser, 0, level(bench, loser))
    assert not fills(bench.adl.transact.deleverage([loser], [right], sender=bench.keeper))


def test_steps_have_their_phases(bench: Bench, loser: int) -> None:
    with refused("adl: wrong phase"):
        scan(bench, loser, 0)
    with refused("adl: wrong phase"):
        end_job(bench, loser)
    with refused("adl: no job is ready"):
        close(bench, loser)
    open_jobs(bench, loser)
    with refused("adl: no job is ready"):
        close(bench, loser)
    with refused("adl: job is needed"):
        end_job(bench, loser)
    right = level(bench, loser)
    scan(bench, loser, right)
    with refused("adl: wrong phase"):
        scan(bench, loser, right)


def test_a_wrong_level_in_one_call_is_refused(bench: Bench, loser: int) -> None:
    with refused("adl: quotas do not add up"):
        bench.adl.transact.deleverage([loser], [(loser, 0, 5)], sender=bench.keeper)
    bench.deleverage(loser)
    assert bench.equity(loser) == 0


def test_a_job_whose_loser_is_saved_is_ended(bench: Bench, loser: int) -> None:
    make_ready(bench, loser)
    bench.mark(95, *START[1:])
    with refused("adl: account is not below zero"):
        close(bench, loser)
    assert end_job(bench, loser).named("SharesEnded")[0].reason == LOSER_CLOSED
    assert (bench.size(loser), bench.equity(loser)) == (10, 50)


def test_a_job_at_whose_prices_the_loser_is_not_below_zero_is_too_old(
    bench: Bench, loser: int
) -> None:
    """It has paid in 20 since: at 89 it has 10, at 87 it lacks 10."""
    make_ready(bench, loser)
    bench.deposit(loser, 20)
    bench.mark(87, *START[1:])
    assert bench.equity(loser) == -10
    with refused("adl: job is too old"):
        close(bench, loser)
    pass_blocks(bench, LIFETIME + 1)
    end_job(bench, loser)
    bench.deleverage(loser)
    assert bench.equity(loser) == 0


def test_a_job_goes_on_at_its_own_prices(bench: Bench, loser: int) -> None:
    """Opened at 89 and closed at 88, at the price that the loser's 10 of then come to: 90."""
    make_ready(bench, loser)
    bench.mark(88, *START[1:])
    receipt = close(bench, loser)
    assert {price for _, _, price, _ in fills(receipt)} == {90}
    assert bench.equity(loser) == 0
    assert sums_hold(bench)


def test_several_losers_of_one_call_are_closed_in_order(
    bench: Bench, loser: int, second: int
) -> None:
    """The level of the second is that of the state that the first leaves."""
    first_plan = bench.sharing(loser)
    with undone(bench.engine):
        bench.share(first_plan)
        second_plan = bench.sharing(second)
    receipt = bench.share([*first_plan, *second_plan])
    assert [event.account for event in receipt.named("Closed")] == [loser, second]
    assert bench.equity(loser) == bench.equity(second) == 0
    assert sums_hold(bench)
