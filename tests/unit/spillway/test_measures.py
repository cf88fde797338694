"""The measures, on the example that docs/measures.md works by hand, and at their edges."""

from __future__ import annotations

from fractions import Fraction

import pytest

from spillway import measures
from spillway.measures import Closed
from spillway.units import usd_to_quote

# Five accounts of one market, in order: three in front, two behind. Equity is cash + profit.
CASH = [usd_to_quote(usd) for usd in ("2", "1", "0.5", "0", "0")]
PROFIT = [usd_to_quote(usd) for usd in ("8", "4", "0.5", "-3", "-12")]
EQUITY = [cash + profit for cash, profit in zip(CASH, PROFIT, strict=True)]
WINNERS = slice(0, 3)
BUDGET = usd_to_quote("7.5")


def quotes(*usd: str) -> list[int]:
    return [usd_to_quote(each) for each in usd]


def left(taken: list[int]) -> list[int]:
    """Equity of the winners once that was taken from them."""
    return [equity - part for equity, part in zip(EQUITY[WINNERS], taken, strict=True)]


# --- the example ---------------------------------------------------------------------------------


def test_the_example_is_what_the_document_says() -> None:
    assert quotes("10", "5", "1", "-3", "-12") == EQUITY


def test_deficit_is_what_those_below_zero_owe() -> None:
    # 3 + 12.
    assert measures.deficit(EQUITY) == usd_to_quote(15)
    assert measures.deficit(EQUITY) == 2 * BUDGET


def test_capacity_is_what_the_candidates_have_won() -> None:
    # 8 + 4 + 0.5; losses of others do not count.
    assert measures.capacity(PROFIT) == usd_to_quote("12.5")


def test_a_queue_takes_all_from_its_front() -> None:
    # In the order (2, 1, 3): the second account first, with its whole profit of 4.
    second, first, third = measures.queue([PROFIT[1], PROFIT[0], PROFIT[2]], BUDGET)
    assert [first, second, third] == quotes("3.5", "4", "0")
    assert left([first, second, third]) == quotes("6.5", "1", "1")


def test_wealth_pro_rata_takes_the_same_part_of_everyone() -> None:
    # 7.5 of 12.5 is 0.6 of each profit.
    taken = measures.pro_rata(PROFIT[WINNERS], BUDGET)
    assert taken == quotes("4.8", "2.4", "0.3")
    assert left(taken) == quotes("5.2", "2.6", "0.7")


def test_what_each_rule_means_for_the_largest_and_the_top_winner() -> None:
    by_queue, by_share = quotes("3.5", "4", "0"), quotes("4.8", "2.4", "0.3")
    assert measures.largest_share(by_queue) == Fraction(4, 1) / Fraction("7.5")
    assert measures.largest_share(by_share) == Fraction("4.8") / Fraction("7.5")
    assert measures.survival(EQUITY[0], by_queue[0]) == Fraction("0.65")
    assert measures.survival(EQUITY[0], by_share[0]) == Fraction("0.52")


def test_nothing_is_overshot_when_the_budget_is_taken() -> None:
    taken = sum(measures.pro_rata(PROFIT[WINNERS], BUDGET))
    assert measures.overshoot(taken, BUDGET) == 0


# --- edges ---------------------------------------------------------------------------------------


def test_nobody_gives_more_than_it_won() -> None:
    assert measures.queue([4, -2, 3], 100) == [4, 0, 3]
    assert measures.pro_rata([4, -2, 3], 100) == [4, 0, 3]


def test_what_rounding_leaves_goes_to_the_largest_remainders() -> None:
    # 10 over weights 1, 1, 1: 3 each and one left, which the first of equals bears.
    assert measures.pro_rata([5, 5, 5], 10) == [4, 3, 3]
    # 7 over 9: 5 * 7 / 9 = 3 rest 8, 3 * 7 / 9 = 2 rest 3, 7 / 9 = 0 rest 7; two units are left.
    assert measures.pro_rata([5, 3, 1], 7) == [4, 2, 1]


def test_where_nothing_was_taken_nobody_has_a_share() -> None:
    assert measures.largest_share([]) == 0
    assert measures.largest_share([0, 0]) == 0
    assert measures.pro_rata([0, -1], 5) == [0, 0]


def test_who_gains_by_a_closing_takes_no_part_in_the_loss() -> None:
    assert measures.largest_share([30, -10, 10]) == Fraction(3, 4)


def test_leverage_of_the_most_levered_and_of_nobody_below_zero() -> None:
    assert measures.highest_leverage([(500, 600), (300, 100), (900, -1), (5, 0)]) == 3
    assert measures.highest_leverage([]) == 0


# --- against holding on --------------------------------------------------------------------------


@pytest.mark.parametrize(("mark", "more"), [(90, -10 * 5), (95, 0), (110, 10 * 15)])
def test_a_long_forgoes_what_the_mark_rises_by(mark: int, more: int) -> None:
    # 10 lots sold at 95: 950.
    assert measures.forgone(Closed(long=True, lots=10, cash=950), mark) == more


@pytest.mark.parametrize(("mark", "more"), [(90, 10 * 5), (95, 0), (110, -10 * 15)])
def test_a_short_forgoes_what_the_mark_falls_by(mark: int, more: int) -> None:
    # 10 lots bought back at 95: 950 paid.
    assert measures.forgone(Closed(long=False, lots=10, cash=-950), mark) == more


def test_holding_on_pays_funding_and_charges() -> None:
    # The index rises by 3 and a lot of either side is charged 2: a long pays both, a short is paid
    # the funding.
    long = Closed(long=True, lots=10, cash=1_000, funding=4, charge=1)
    short = Closed(long=False, lots=10, cash=-1_000, funding=4, charge=1)
    assert measures.forgone(long, 100, 7, 3) == -10 * 3 - 10 * 2
    assert measures.forgone(short, 100, 7, 3) == 10 * 3 - 10 * 2


# --- before the crash ----------------------------------------------------------------------------


def test_the_loss_of_a_move_is_that_of_the_worse_direction() -> None:
    # A tenth: the long of 1,000 loses 100 and owes 40, that of 500 keeps 10; the short owes 50.
    longs, short = [(60, 1_000), (60, 500)], [(20, -700)]
    assert measures.loss_of_move(longs, 10) == 100 - 60
    assert measures.loss_of_move([*longs, *short], 10) == max(100 - 60, 70 - 20)


def test_the_loss_of_a_move_is_rounded_up() -> None:
    # 11 / 10 - 1 = 0.1.
    assert measures.loss_of_move([(1, 11)], 10) == 1


def test_offsetting_positions_do_not_move() -> None:
    assert measures.loss_of_move([(1, 0)], 10) == 0


@pytest.mark.parametrize(
    ("notional", "equity", "name"),
    [
        (0, 10, "0-2"),
        (19, 10, "0-2"),
        (20, 10, "2-5"),
        (99, 10, "5-10"),
        (100, 10, "10-20"),
        (200, 10, "20+"),
        (1, 0, "20+"),
        (1, -5, "20+"),
    ],
)
def test_a_bucket_holds_its_lower_bound(notional: int, equity: int, name: str) -> None:
    assert measures.bucket_names()[measures.bucket(notional, equity)] == name


def test_depth_counts_what_is_near_at_its_own_price() -> None:
    levels = [(99, 5), (98, 7), (97, 100)]
    assert measures.depth(levels, 100, 1) == 99 * 5
    assert measures.depth(levels, 100, 2) == 99 * 5 + 98 * 7


def test_every_bucket_is_told() -> None:
    assert measures.by_bucket({1: 5}) == {"0-2": 0, "2-5": 5, "5-10": 0, "10-20": 0, "20+": 0}
