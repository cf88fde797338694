"""Funding as a price shift: longs pay shorts what the index grows; it is part of profit."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import pytest

from tests.unit.contracts.margin_pool.stand import MARK, START, USD, Match, Stand

if TYPE_CHECKING:
    from spillway.engines import Address


def pnl(stand: Stand, account: int, *, longs: bool) -> int:
    """Profit of a holder at the present mark and funding index."""
    seen = stand.pool.call.market(0)
    found = stand.pool.call.candidates(0, longs, 0, 32, seen.mark, seen.funding)
    (holder,) = [each for each in found if each.account == account]
    profit: int = holder.pnl
    return profit


@pytest.mark.parametrize("delta", [3, -3])
def test_longs_pay_shorts_what_the_index_grows(
    stand: Stand, taking: int, making: int, delta: int
) -> None:
    stand.trade(taking, making, 10)

    stand.mark(START, funding=[delta])

    assert stand.equity(taking) == 10_000 - 10 * delta
    assert stand.equity(making) == 10_000 + 10 * delta
    assert pnl(stand, taking, longs=True) == -pnl(stand, making, longs=False) == -10 * delta * USD


def test_whoever_comes_later_does_not_pay_for_before(
    stand: Stand, taking: int, making: int, other: int
) -> None:
    stand.trade(taking, making, 10)
    stand.mark(START, funding=[3])
    stand.fill(Match(0, other, taking, taker_buys=True, lots=10, price=MARK))
    paid = stand.equity(taking)

    stand.mark(START, funding=[2])

    assert stand.equity(taking) == paid
    assert stand.equity(making) == 10_000 + 30 + 20
    assert pnl(stand, other, longs=True) == -20 * USD


def test_with_no_open_interest_nobody_pays(stand: Stand, taking: int, making: int) -> None:
    stand.mark(START, funding=[50])
    assert stand.equity(taking) == 10_000

    stand.trade(taking, making, 10)
    assert (stand.equity(taking), stand.equity(making)) == (10_000, 10_000)
    assert stand.pool.call.position(taking, 0).cost == 10 * (START - 50) * USD


def test_funding_alone_can_ruin_an_account(stand: Stand, trader: Address, making: int) -> None:
    account = stand.open(trader, 25)
    stand.trade(account, making, 10)  # 40 times its equity

    stand.mark(START, funding=[4])

    assert stand.equity(account) == -15


def test_a_round_trip_costs_what_the_index_moved(stand: Stand, taking: int, making: int) -> None:
    for delta in (7, -2, 1):
        stand.trade(taking, making, 3)
        stand.mark(START, funding=[delta])
    # 3 lots through 6, 3 more through -1, 3 more through 1.
    stand.trade(making, taking, 9)

    assert stand.equity(taking) == 10_000 - 3 * (6 - 1 + 1)
    assert stand.pool.call.legs_of(taking) == 0


# --- cost: rounded so that profit is never overstated ---------------------------------------------


def cost(stand: Stand, account: int) -> int:
    found: int = stand.pool.call.position(account, 0).cost
    return found


def test_a_partial_close_takes_out_the_cost_rounded_down(
    stand: Stand, taking: int, making: int
) -> None:
    stand.exchange(taking, making, 3, 10)

    stand.exchange(making, taking, 1, 4)

    # floor(10 / 3) = 3 leaves the long 7, floor(-10 / 3) = -4 leaves the short -6.
    assert (cost(stand, taking), cost(stand, making)) == (7, -6)


def test_a_flip_opens_the_rest_for_its_share_rounded_up(
    stand: Stand, taking: int, making: int
) -> None:
    stand.exchange(taking, making, 3, 10)

    stand.exchange(making, taking, 5, 17)

    # 2 of 5 lots for 17: the new long pays ceil(6.8) = 7, the new short gets ceil(-6.8) = -6.
    assert (stand.size(making), stand.size(taking)) == (2, -2)
    assert (cost(stand, making), cost(stand, taking)) == (7, -6)


def test_a_flip_opens_at_the_funding_index_of_its_time(
    stand: Stand, taking: int, making: int
) -> None:
    stand.exchange(taking, making, 3, 10)
    stand.post((0, USD, USD, 5))

    stand.exchange(making, taking, 5, 17)

    assert (cost(stand, making), cost(stand, taking)) == (7 - 2 * 5, -6 + 2 * 5)


@pytest.mark.parametrize("side", [1, -1])
@pytest.mark.parametrize("quote", [1_001, -1_001, 7, 10**21 + 1])
def test_what_is_left_never_looks_better_than_it_is(
    stand: Stand, taking: int, making: int, side: int, quote: int
) -> None:
    buyer, seller = (taking, making) if side > 0 else (making, taking)
    lots = 101
    stand.exchange(buyer, seller, lots, quote)
    left = cost(stand, taking)

    for closed in (1, 7, 2, 50, 40, 1):
        stand.exchange(seller, buyer, closed, 0)
        exact = Fraction(left * (lots - closed), lots)
        left, lots = cost(stand, taking), lots - closed
        assert 0 <= left - exact < 1

    assert (left, lots) == (0, 0)
