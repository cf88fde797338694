"""Rule R, clause by clause: at what price, how much, and who bears what is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from spillway.rules import AdlRules
from tests.bench import DEFICIT, FEES, USD
from tests.chain import refused
from tests.unit.contracts.adl import stage
from tests.unit.contracts.adl.stage import close, crash, fills, gaps, make_ready
from tests.unit.contracts.hand import sums_hold, swap

if TYPE_CHECKING:
    from spillway.build import Artifacts
    from spillway.engines import Address, Engine
    from tests.bench import Bench


def pair(bench: Bench, long: int, short: int, lots: int = 10) -> dict[str, int]:
    """A loser long at 100 and a winner short, with this much collateral each."""
    loser, winner = bench.open("loser", long), bench.open("winner", short)
    swap(bench, loser, winner, lots, 100)
    return bench.accounts


# --- price --------------------------------------------------------------------------------


def test_a_winner_is_closed_at_the_previous_mark(bench: Bench) -> None:
    a = pair(bench, 100, 100)
    crash(bench, previous=91, mark=89)
    receipt = bench.deleverage(a["loser"])
    assert fills(receipt) == [(a["winner"], 10, 91, 1)]
    assert (bench.equity(a["loser"]), bench.equity(a["winner"])) == (10, 190)
    assert sums_hold(bench)


def test_a_winning_long_is_closed_at_the_previous_mark_too(bench: Bench) -> None:
    a = bench.accounts
    pair(bench, 100, 100)
    loser = a["winner"]
    crash(bench, previous=109, mark=111)
    receipt = bench.deleverage(loser)
    assert fills(receipt) == [(a["loser"], 10, 109, 1)]
    assert (bench.equity(loser), bench.equity(a["loser"])) == (10, 190)


def test_the_previous_mark_may_be_the_better_one_for_the_winner(bench: Bench) -> None:
    """The loser is lost by another market; this one has moved its way."""
    a = pair(bench, 100, 100)
    other = bench.open("other", 1_000)
    swap(bench, a["loser"], other, 1, 50, market=1)
    bench.mark(85, 50)
    bench.mark(89, 35)
    receipt = bench.deleverage(a["loser"])
    assert fills(receipt)[0] == (a["winner"], 10, 85, 1)
    assert receipt.named("Deleveraged")[0].taken == -40 * USD
    owed = 100 - 10 * 15
    assert sum(amount for *_, amount in gaps(receipt)) == -owed
    assert bench.equity(a["winner"]) == 100 + 10 * 15 + owed


def test_a_counterparty_without_profit_is_closed_at_mark(bench: Bench) -> None:
    bench.open("loser", 100)
    bench.open("newcomer", 100)
    a = bench.accounts
    swap(bench, a["loser"], a["newcomer"], 10, 100)
    bench.mark(91)
    swap(bench, a["newcomer"], a["loser"], 10, 91)
    swap(bench, a["loser"], a["newcomer"], 10, 89)
    bench.mark(89)
    swap(bench, a["newcomer"], a["loser"], 10, 89)
    swap(bench, a["loser"], a["newcomer"], 10, 89)
    before = bench.equity(a["newcomer"])
    swap(bench, a["loser"], bench.open("pit", 1_000), 1, 60, market=1)
    swap(bench, a["pit"], a["loser"], 1, 40, market=1)
    assert bench.equity(a["loser"]) < 0
    receipt = bench.deleverage(a["loser"])
    assert fills(receipt) == [(a["newcomer"], 10, 89, 2)]
    assert bench.equity(a["newcomer"]) == before


def test_a_winner_below_zero_is_behind_all_others_and_closed_at_mark(bench: Bench) -> None:
    """In profit here, but lost elsewhere: what it has won is not there."""
    a = bench.accounts
    for name, usd in {"loser": 100, "broke": 1, "late": 1_000, "pit": 1_000}.items():
        bench.open(name, usd)
    swap(bench, a["loser"], a["broke"], 5, 100)
    swap(bench, a["loser"], a["late"], 5, 100)
    swap(bench, a["broke"], a["pit"], 2, 50, market=1)
    bench.mark(91, 50)
    bench.mark(89, 20)
    assert bench.equity(a["broke"]) == 1 + 55 - 60
    receipt = bench.deleverage(a["loser"])
    assert fills(receipt) == [(a["late"], 5, 91, 1), (a["broke"], 5, 89, 2)]
    assert bench.equity(a["broke"]) == -4
    assert [winner for _, winner, _ in gaps(receipt)] == []


def test_a_winner_with_less_than_the_price_takes_gives_what_it_has(bench: Bench) -> None:
    """The quote is cut, not the lots; nobody is closed below zero."""
    a = bench.accounts
    for name, usd in {"loser": 100, "poor": 1, "pit": 1_000}.items():
        bench.open(name, usd)
    swap(bench, a["loser"], a["poor"], 10, 100)
    swap(bench, a["poor"], a["pit"], 2, 50, market=1)
    bench.mark(91, 50)
    bench.mark(89, "0.5")
    assert bench.equity(a["poor"]) == 12
    receipt = bench.deleverage(a["loser"])
    fill = receipt.named("Deleveraged")[0]
    assert (fill.lots, fill.quote, fill.taken, fill.tier) == (10, 902 * USD, 12 * USD, 1)
    assert (bench.size(a["poor"]), bench.equity(a["poor"])) == (0, 0)
    assert bench.equity(a["loser"]) == 2
    assert sums_hold(bench)


# --- lots ---------------------------------------------------------------------------------


def test_the_last_winner_is_closed_in_part_and_nobody_more_than_needed(
    bench: Bench, loser: int
) -> None:
    a = bench.accounts
    receipt = bench.deleverage(loser)
    assert [(winner, lots) for winner, lots, *_ in fills(receipt)] == [
        (a["c"], 5),
        (a["a"], 4),
        (a["d"], 1),
    ]
    sizes = {name: bench.size(a[name]) for name in ("loser", "a", "b", "c", "d", "rich")}
    assert sizes == {"loser": 0, "a": 0, "b": -3, "c": 0, "d": -1, "rich": 4}
    assert bench.pool.call.market(0).open_interest == 4


def test_nobody_is_opened_or_turned_round_and_nobody_pays_a_fee(
    engine: Engine, artifacts: Artifacts, admin: Address, keeper: Address
) -> None:
    venue = stage.deploy(engine, artifacts, admin, keeper, taker_fee=450, maker_fee=150)
    stage.open_crowd(venue)
    crash(venue)
    before = {account: venue.size(account) for account in venue.accounts.values()}
    receipt = venue.deleverage(venue.accounts["loser"])
    assert venue.quote(FEES) == 0
    assert not receipt.named("Paid")
    for account, size in before.items():
        now = venue.size(account)
        assert now * size >= 0
        assert abs(now) <= abs(size)


def test_resting_orders_of_a_closed_winner_stay(bench: Bench, crowd: dict[str, int]) -> None:
    bench.mark(91)
    bench.place(crowd["a"], 2, 82)
    orders = bench.book.call.orders_of(crowd["a"])
    bench.mark(89)
    bench.deleverage(crowd["loser"])
    assert bench.size(crowd["a"]) == 0
    assert bench.book.call.orders_of(crowd["a"]) == orders
    held = bench.pool.call.position(crowd["a"], 0)
    assert (held.resting_bids, held.resting_asks) == (2, 0)


def test_orders_of_a_loser_that_only_reduce_do_not_stand_in_the_way(
    bench: Bench, crowd: dict[str, int]
) -> None:
    bench.place(crowd["loser"], -10, 105, reduce_only=True)
    crash(bench)
    bench.deleverage(crowd["loser"])
    order = bench.book.call.orders_of(crowd["loser"])[0]
    bench.book.transact.prune(order, sender=bench.keeper)
    assert bench.book.call.orders_of(crowd["loser"]) == ()


# --- gap ----------------------------------------------------------------------------------


def test_what_is_missing_is_borne_by_those_who_won_the_front_first(bench: Bench) -> None:
    """At the previous mark 88 the loser still owes 20; c has won 60, which is enough."""
    stage.open_crowd(bench)
    a = bench.accounts
    crash(bench, previous=88, mark=86)
    receipt = bench.deleverage(a["loser"])
    assert gaps(receipt) == [(0, a["c"], 20)]
    closed = receipt.named("Closed")[0]
    assert (closed.residual, closed.gap, closed.left) == (0, 20 * USD, 0)
    assert bench.equity(a["loser"]) == 0
    assert sums_hold(bench)


def test_the_next_winner_bears_what_the_front_has_not_won(bench: Bench) -> None:
    stage.open_crowd(bench)
    a = bench.accounts
    crash(bench, previous=81, mark=80)
    receipt = bench.deleverage(a["loser"])
    by_winner = {fill.winner: fill.won for fill in receipt.named("Deleveraged")}
    assert by_winner[a["c"]] == 5 * 19 * USD
    assert gaps(receipt) == [(0, a["c"], 90)]

    crash(bench, previous=81, mark=80)
    assert not bench.deleverage(a["loser"]).named("Closed")


def test_a_gap_takes_at_most_what_was_won_and_no_collateral(bench: Bench) -> None:
    """The winner sold at 81: it has won 1 a lot, and 1,000 of collateral are not touched."""
    a = pair(bench, 100, 1_000)
    swap(bench, a["winner"], bench.open("early", 1_000), 10, 100)
    swap(bench, a["early"], a["winner"], 10, 81)
    bench.mark(81)
    bench.mark(80)
    collateral = bench.equity(a["winner"]) - 10
    receipt = bench.deleverage(a["loser"])
    assert receipt.named("Deleveraged")[0].won == 0
    assert receipt.named("Deleveraged")[0].tier == 1
    assert not gaps(receipt)
    assert bench.equity(a["winner"]) == collateral
    assert bench.quote(DEFICIT) == -90


def test_a_gap_takes_at_most_what_a_winner_has_left(bench: Bench) -> None:
    """Its profit of 190 was lost in another market but for 30."""
    a = pair(bench, 100, 20)
    swap(bench, a["winner"], bench.open("pit", 1_000), 6, 50, market=1)
    bench.mark(81, 50)
    bench.mark(81, 20)
    assert bench.equity(a["winner"]) == 20 + 190 - 180
    receipt = bench.deleverage(a["loser"])
    assert receipt.named("Deleveraged")[0].won == 190 * USD
    assert gaps(receipt) == [(0, a["winner"], 30)]
    assert bench.equity(a["winner"]) == 0
    assert bench.quote(DEFICIT) == -60
    assert sums_hold(bench)


def test_a_partial_closing_counts_what_was_won_on_its_lots_alone(bench: Bench) -> None:
    a = pair(bench, 100, 1_000)
    swap(bench, bench.open("rich", 10_000), a["winner"], 30, 100)
    crash(bench, previous=81, mark=80)
    receipt = bench.deleverage(a["loser"])
    fill = receipt.named("Deleveraged")[0]
    assert (fill.lots, fill.won) == (10, 190 * USD)
    assert gaps(receipt) == [(0, a["winner"], 90)]


def test_what_one_market_can_not_bear_goes_to_the_others(bench: Bench) -> None:
    """Of 90 the second market's part is 24 of 69, by maintenance; its holder has won nothing."""
    a = bench.accounts
    for name, usd in {"loser": 60, "one": 1_000, "two": 1_000}.items():
        bench.open(name, usd)
    swap(bench, a["loser"], a["one"], 6, 100)
    swap(bench, a["loser"], a["two"], 8, 30, market=1)
    bench.mark(75, 30)
    bench.mark(75, 30)
    receipt = bench.deleverage(a["loser"])
    owed = 90 * USD
    first = owed * 45 // 69
    got = [(g.market, g.winner, g.amount) for g in receipt.named("GapBorne")]
    assert got == [(0, a["one"], first), (0, a["one"], owed - first)]
    assert receipt.named("Closed")[0].left == 0
    assert sums_hold(bench)


def test_the_rest_of_a_gap_goes_over_the_markets_from_the_lowest(bench: Bench) -> None:
    """Three markets of equal maintenance owe 30 each; the second can bear 10 of its 30."""
    a = bench.accounts
    for name, usd in {"loser": 140, "one": 1_000, "two": 1_000, "three": 1_000}.items():
        bench.open(name, usd)
    swap(bench, a["loser"], a["one"], 1, 160, market=0)
    swap(bench, a["loser"], a["two"], 2, 35, market=1)
    swap(bench, a["loser"], a["three"], 3, 60, market=2)
    bench.mark(60, 30, 20)
    bench.mark(60, 30, 20)
    assert bench.equity(a["loser"]) == 140 - 100 - 10 - 120 == -90
    receipt = bench.deleverage(a["loser"])
    assert gaps(receipt) == [
        (0, a["one"], 30),
        (1, a["two"], 10),
        (2, a["three"], 30),
        (0, a["one"], 20),
    ]


def test_what_was_borne_for_one_market_is_not_there_for_another(bench: Bench) -> None:
    """Of 90 each market owes 45; the first winner has won 50, the second nothing: 40 are left."""
    a = bench.accounts
    for name, usd in {"loser": 10, "one": 1_000, "two": 1_000, "pit": 1_000}.items():
        bench.open(name, usd)
    swap(bench, a["loser"], a["one"], 1, 110)
    swap(bench, a["loser"], a["two"], 2, 30, market=1)
    swap(bench, a["loser"], a["pit"], 1, 70, market=2)
    swap(bench, a["pit"], a["loser"], 1, 20, market=2)
    bench.mark(60, 30)
    bench.mark(60, 30)
    assert bench.equity(a["loser"]) == 10 - 50 - 50
    receipt = bench.deleverage(a["loser"])
    assert gaps(receipt) == [(0, a["one"], 45), (0, a["one"], 5)]
    assert receipt.named("Closed")[0].left == 40 * USD
    assert bench.quote(DEFICIT) == -40


def test_what_rounding_leaves_of_the_shares_goes_to_the_last_market(bench: Bench) -> None:
    """Three equal legs of a gap that three does not divide: the last bears one unit more."""
    a = bench.accounts
    for name in ("one", "two", "three"):
        bench.open(name, 1_000)
    loser = bench.open("loser", 200)
    swap(bench, loser, a["one"], 1, 160, market=0)
    swap(bench, loser, a["two"], 2, 80, market=1)
    swap(bench, loser, a["three"], 3, 60, market=2)
    bench.mark(60, 30, 20)
    bench.pool.transact.advance([(0, 60 * USD, 60 * USD, 1)], sender=bench.oracle)
    bench.mark(60, 30, 20)
    owed = -bench.pool.call.health(loser).equity
    assert owed % 3 == 1
    borne = [gap.amount for gap in bench.deleverage(loser).named("GapBorne")]
    assert borne == [owed // 3, owed // 3, owed // 3 + 1]


def test_what_no_winner_can_bear_is_paid_by_fees_first_and_then_a_deficit(
    engine: Engine, artifacts: Artifacts, admin: Address, keeper: Address
) -> None:
    venue = stage.deploy(engine, artifacts, admin, keeper, taker_fee=1_000)
    taker, maker = venue.open("taker", 10_000), venue.open("maker", 10_000)
    venue.trade(taker, maker, 300, 100)
    assert venue.quote(FEES) == 30
    loser, newcomer = venue.open("loser", 100), venue.open("newcomer", 1_000)
    swap(venue, loser, maker, 10, 100)
    swap(venue, maker, newcomer, 310, 80)
    swap(venue, newcomer, taker, 300, 80)
    venue.mark(80)
    venue.mark(80)
    assert (venue.equity(loser), venue.size(newcomer)) == (-100, -10)

    receipt = venue.deleverage(loser)

    assert fills(receipt) == [(newcomer, 10, 80, 2)]
    written = receipt.named("DeficitWritten")[0]
    amounts = written.account, written.loss, written.from_fees, written.deficit
    assert amounts == (loser, 100 * USD, 30 * USD, 70 * USD)
    assert (venue.quote(FEES), venue.quote(DEFICIT)) == (0, -70)
    assert sums_hold(venue)


# --- residual -----------------------------------------------------------------------------


def test_a_loser_keeps_what_the_previous_mark_leaves_it(bench: Bench, loser: int) -> None:
    closed = bench.deleverage(loser).named("Closed")[0]
    assert (closed.residual, closed.gap) == (10 * USD, 0)
    assert bench.equity(loser) == 10


def test_a_venue_may_give_the_residual_to_its_backstop(
    engine: Engine, artifacts: Artifacts, admin: Address, keeper: Address
) -> None:
    backstop_id = 3
    venue = stage.deploy(
        engine, artifacts, admin, keeper, closing=AdlRules(residual_to=backstop_id)
    )
    assert venue.open_backstop("backstop", 5) == backstop_id
    stage.open_crowd(venue)
    crash(venue)
    closed = venue.deleverage(venue.accounts["loser"]).named("Closed")[0]
    assert closed.residual == 10 * USD
    assert venue.equity(venue.accounts["loser"]) == 0
    assert venue.equity(backstop_id) == 15
    assert sums_hold(venue)


def test_the_backstop_keeps_its_own_residual(
    engine: Engine, artifacts: Artifacts, admin: Address, keeper: Address
) -> None:
    venue = stage.deploy(engine, artifacts, admin, keeper, closing=AdlRules(residual_to=3))
    backstop = venue.open_backstop("backstop", 100)
    swap(venue, backstop, venue.open("winner", 100), 10, 100)
    crash(venue)
    venue.deleverage(backstop)
    assert venue.at(backstop) == (0, 10)


# --- the vault's accounts -----------------------------------------------------------------


def test_an_account_of_the_vault_is_closed_like_any_other(bench: Bench) -> None:
    child = bench.open_backstop("child", 100)
    swap(bench, child, bench.open("winner", 100), 10, 100)
    crash(bench)
    assert fills(bench.deleverage(child)) == [(bench.accounts["winner"], 10, 91, 1)]
    assert bench.at(child) == (0, 10)


def test_an_account_of_the_vault_that_wins_is_closed_in_its_turn(bench: Bench) -> None:
    child = bench.open_backstop("child", 20)
    a = pair(bench, 100, 500)
    swap(bench, bench.open("rich", 10_000), child, 4, 100)
    crash(bench)
    receipt = bench.deleverage(a["loser"])
    assert [(winner, lots) for winner, lots, *_ in fills(receipt)] == [(child, 4), (a["winner"], 6)]


def test_a_child_in_many_markets_is_closed_in_all_of_them(bench: Bench) -> None:
    child = bench.open_backstop("child", 100)
    for market, (lots, price) in enumerate([(2, 100), (4, 50), (10, 20)]):
        swap(bench, child, bench.open(f"winner {market}", 1_000), lots, price, market)
    bench.mark(90, 44, 18)
    bench.mark(85, 41, 16)
    assert bench.equity(child) == 100 - 30 - 36 - 40
    receipt = bench.deleverage(child)
    prices = [price for _, _, price, _ in fills(receipt)]
    assert prices == [90, 44, 18]
    assert bench.pool.call.legs_of(child) == 0
    assert bench.equity(child) == 100 - 20 - 24 - 20
    assert sums_hold(bench)


# --- the loser of one is the winner of another ----------------------------------------------


@pytest.fixture
def facing(bench: Bench) -> dict[str, int]:
    """Two accounts below zero that stand against each other: long at -1, short at -7."""
    for name, usd in {"long": 1, "short": 1, "pit": 100}.items():
        bench.open(name, usd)
    a = bench.accounts
    swap(bench, a["long"], a["short"], 1, 100)
    bench.mark(98)
    swap(bench, a["short"], a["pit"], 1, 60, market=1)
    swap(bench, a["pit"], a["short"], 1, 50, market=1)
    assert [bench.equity(a[name]) for name in ("long", "short")] == [-1, -7]
    return a


@pytest.mark.parametrize("first", ["long", "short"])
def test_two_losers_facing_each_other_close_at_mark_and_both_gaps_go_on(
    bench: Bench, facing: dict[str, int], first: str
) -> None:
    second = {"long": "short", "short": "long"}[first]
    receipt = bench.deleverage(facing[first], facing[second])
    assert fills(receipt) == [(facing[second], 1, 98, 2)]
    gaps_left = [event.left for event in receipt.named("Closed")]
    assert sorted(gaps_left) == [1 * USD, 7 * USD]
    assert [bench.at(facing[name]) for name in ("long", "short")] == [(0, 0), (0, 0)]
    assert bench.quote(DEFICIT) == -8
    assert sums_hold(bench)


def test_who_became_flat_below_zero_against_a_loser_is_written_off(
    bench: Bench, facing: dict[str, int]
) -> None:
    bench.deleverage(facing["long"])
    assert bench.at(facing["short"]) == (0, -7)
    close(bench, facing["short"], 0)
    receipt = close(bench, facing["short"], 1)
    closed = receipt.named("Closed")[0]
    assert (closed.gap, closed.borne, closed.left) == (7 * USD, 0, 7 * USD)
    assert bench.quote(DEFICIT) == -8


def test_the_deficit_itself_is_nobody_to_close(bench: Bench, facing: dict[str, int]) -> None:
    bench.deleverage(facing["long"], facing["short"])
    with refused("pool: nothing to write off"):
        close(bench, DEFICIT)
    assert not bench.deleverage(DEFICIT).events


def test_a_winner_that_was_closed_as_a_loser_bears_no_gap(bench: Bench) -> None:
    """It stood in the queue, was closed by the other side's job, and has new collateral since."""
    a = bench.accounts
    crowd = {"loser": 50, "gone": 1, "behind": 20_000, "rich": 10_000, "pit": 1_000}
    for name, usd in crowd.items():
        bench.open(name, usd)
    swap(bench, a["loser"], a["behind"], 10, 85)
    swap(bench, a["behind"], a["pit"], 10, 85)
    swap(bench, a["pit"], a["behind"], 10, 85)
    swap(bench, a["rich"], a["gone"], 2, 100)
    swap(bench, a["gone"], a["pit"], 1, 90, market=1)
    swap(bench, a["pit"], a["gone"], 1, 50, market=1)
    swap(bench, a["loser"], a["pit"], 1, 125, market=2)
    swap(bench, a["pit"], a["loser"], 1, 20, market=2)
    bench.mark(89)
    assert bench.equity(a["loser"]) == 50 + 40 - 105
    assert bench.equity(a["gone"]) == 1 + 22 - 40
    make_ready(bench, a["loser"])
    make_ready(bench, a["gone"])
    queue = [bench.accounts[name] for name in ("gone", "behind")]
    close(bench, a["gone"])
    bench.deposit(a["gone"], 100)

    receipt = close(bench, a["loser"])

    assert [winner for winner, *_ in fills(receipt)] == queue[1:]
    assert not gaps(receipt)
    assert bench.equity(a["gone"]) == 100
