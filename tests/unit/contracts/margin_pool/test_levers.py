"""What levers may change: new risk is judged at once, what stands by a word of its own.

The listed schedule asks 10 % of initial margin and 5 % of maintenance, above 100,000 USD 20 % and
10 %; tightened it asks twice of each.
"""

from __future__ import annotations

import pytest

from spillway.model.margin import Tier, packed
from tests.chain import refused
from tests.unit.contracts.margin_pool.stand import (
    CAP_REACHED,
    FILLED,
    MAKER_FAILS,
    MARK,
    MAX_AGE,
    START,
    TAKER_FAILS,
    TIERS,
    USD,
    Match,
    Stand,
)

TIGHTER = ((0, 5), (100_000, 3))


@pytest.fixture
def match(taking: int, making: int) -> Match:
    """Six hundred lots at 100: 60,000 USD with 10,000 of equity on each side."""
    return Match(0, taking, making, taker_buys=True, lots=600, price=MARK)


def test_positions_that_stand_are_judged_as_before(stand: Stand, match: Match) -> None:
    stand.fill(match)
    before = stand.pool.call.health(match.taker)

    stand.tighten(TIGHTER)

    health = stand.pool.call.health(match.taker)
    assert (health.equity, health.maintenance) == (before.equity, before.maintenance)
    assert health.maintenance == 60_000 * USD // 20
    assert stand.pool.call.position(match.taker, 0).maintenance == health.maintenance
    assert (before.initial, health.initial) == (60_000 * USD // 10, 60_000 * USD // 5)
    assert stand.pool.call.schedule(0) == packed([Tier(*tier) for tier in TIERS], MAX_AGE)


def test_once_it_stands_maintenance_goes_by_it(stand: Stand, match: Match) -> None:
    stand.fill(match)

    stand.tighten(TIGHTER, standing=TIGHTER)

    assert stand.pool.call.health(match.taker).maintenance == 60_000 * USD // 10
    assert stand.pool.call.position(match.maker, 0).maintenance == 60_000 * USD // 10
    assert stand.pool.call.schedule(0) == packed([Tier(*tier) for tier in TIGHTER], MAX_AGE)


def test_the_age_of_a_mark_goes_by_the_schedule_that_stands(stand: Stand) -> None:
    stand.tighten(TIGHTER)
    stand.mark(START)

    stand.wait(MAX_AGE)

    assert stand.pool.call.market(0).fresh
    stand.wait(1)
    assert not stand.pool.call.market(0).fresh


def test_growing_takes_the_tighter_margin_at_once(stand: Stand, match: Match) -> None:
    assert stand.answer(match) == FILLED

    stand.tighten(TIGHTER)

    assert stand.answer(match) == TAKER_FAILS
    assert stand.answer(match._replace(lots=490)) == FILLED
    with refused("pool: below initial margin"):
        stand.rest(match.maker, asks=600)
    stand.rest(match.maker, asks=490)


def test_an_order_that_rested_before_is_judged_when_it_is_filled(
    stand: Stand, match: Match, other: int
) -> None:
    stand.rest(match.maker, asks=600)
    reserved = match._replace(maker_reserved=True, taker=other, lots=450)
    stand.fill(reserved)
    assert stand.answer(reserved._replace(lots=150, taker=match.taker)) == FILLED

    stand.tighten(TIGHTER)

    assert stand.answer(reserved._replace(lots=150, taker=match.taker)) == MAKER_FAILS


def test_whoever_shrinks_is_judged_as_before(stand: Stand, match: Match) -> None:
    """Below the initial margin that new risk takes, and free to leave."""
    stand.fill(match)
    stand.tighten(TIGHTER)

    leaving = match._replace(taker_buys=False)

    assert stand.answer(leaving._replace(lots=1)) == FILLED
    assert stand.answer(leaving) == FILLED


def test_margin_that_new_risk_takes_can_not_be_withdrawn(stand: Stand, match: Match) -> None:
    stand.fill(match._replace(lots=400))
    stand.debit(match.taker, 1_000)

    stand.tighten(TIGHTER)

    equity = stand.equity(match.taker)
    with refused("pool: below initial margin"):
        stand.debit(match.taker, equity - 8_000 + 1)
    stand.debit(match.taker, equity - 8_000)


def test_a_leverage_from_before_counts_for_no_more_than_is_allowed_now(
    stand: Stand, match: Match
) -> None:
    owner = stand.pool.call.owner_of(match.taker)
    for leverage in (10, 4):
        stand.pool.transact.set_leverage(match.taker, 0, leverage, sender=owner)
        stand.fill(match._replace(lots=100))
        stand.fill(match._replace(lots=100, taker_buys=False))
    stand.fill(match._replace(lots=100))
    assert stand.pool.call.health(match.taker).initial == 10_000 * USD // 4
    stand.tighten(TIGHTER)
    assert stand.pool.call.health(match.taker).initial == 10_000 * USD // 4
    stand.tighten(((0, 2), (100_000, 1)))
    assert stand.pool.call.health(match.taker).initial == 10_000 * USD // 2


def test_a_leverage_beyond_what_is_allowed_now_can_not_be_chosen_nor_grown_with(
    stand: Stand, match: Match
) -> None:
    owner = stand.pool.call.owner_of(match.taker)
    choose = stand.pool.transact.set_leverage
    choose(match.taker, 0, 10, sender=owner)
    stand.fill(match._replace(lots=10))

    stand.tighten(TIGHTER)

    assert stand.answer(match._replace(lots=1)) == TAKER_FAILS
    with refused("pool: leverage not allowed"):
        stand.rest(match.taker, bids=1)
    with refused("pool: leverage not allowed"):
        choose(match.taker, 0, 6, sender=owner)
    choose(match.taker, 0, 5, sender=owner)
    assert stand.answer(match._replace(lots=1)) == FILLED


def test_another_market_is_not_concerned(stand: Stand, match: Match) -> None:
    second = stand.list_market()
    stand.mark(START, START)
    stand.tighten(TIGHTER)

    assert stand.answer(match._replace(market=second)) == FILLED


def test_flags_outlive_an_epoch(stand: Stand, match: Match) -> None:
    stand.tighten(TIGHTER)
    stand.pool.transact.lock_market(0, True, sender=stand.deleverager)
    stand.mark(START)
    stand.pool.transact.lock_market(0, False, sender=stand.deleverager)

    assert stand.answer(match) == TAKER_FAILS
    assert stand.answer(match._replace(lots=490)) == FILLED


# --- the cap -------------------------------------------------------------------------------------


def test_a_cap_below_what_is_open_only_stops_growth(stand: Stand, match: Match, other: int) -> None:
    stand.fill(match._replace(lots=100))
    before = stand.pool.call.market(0)

    stand.pool.transact.set_open_interest_cap(0, 40, sender=stand.levers)

    after = stand.pool.call.market(0)
    assert after == before._replace(open_interest_cap=40)
    assert stand.pool.call.trading(0).at_cap
    assert stand.answer(match._replace(lots=1)) == CAP_REACHED
    assert stand.answer(match._replace(lots=100, taker_buys=False)) == FILLED
    assert stand.answer(match._replace(lots=100, taker=other, maker=match.taker)) == FILLED


def test_a_cap_leaves_funding_and_open_interest_as_they_are(stand: Stand, match: Match) -> None:
    stand.fill(match._replace(lots=100))
    for funding in (-3, 7):
        stand.mark(START, funding=[funding])
        before = stand.pool.call.market(0)
        stand.pool.transact.set_open_interest_cap(0, 2**54 - 1, sender=stand.levers)
        assert stand.pool.call.market(0) == before._replace(open_interest_cap=2**54 - 1)
        stand.pool.transact.set_open_interest_cap(0, 0, sender=stand.levers)
        assert stand.pool.call.market(0) == before._replace(open_interest_cap=0)
