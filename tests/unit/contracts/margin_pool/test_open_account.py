"""Accounts: anyone opens them, ids are small, what they may hold is fixed when they are opened."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.chain import refused
from tests.unit.contracts.margin_pool.stand import (
    FIRST_TRADER,
    MAKER_FAILS,
    MARK,
    MAX_LEGS,
    START,
    TAKER_FAILS,
    Match,
    Stand,
)

if TYPE_CHECKING:
    from spillway.engines import Address


def test_ids_count_up_from_the_first_traders(
    stand: Stand, trader: Address, outsider: Address
) -> None:
    found = [stand.open(owner) for owner in (trader, outsider, trader)]

    assert found == [FIRST_TRADER, FIRST_TRADER + 1, FIRST_TRADER + 2]
    assert [stand.pool.call.owner_of(account) for account in found] == [trader, outsider, trader]
    assert stand.pool.call.account_count() == FIRST_TRADER + 2


def test_an_account_is_flat_and_empty_when_opened(stand: Stand, trader: Address) -> None:
    account = stand.open(trader)

    health = stand.pool.call.health(account)
    assert (health.equity, health.legs, health.notional, health.protocol) == (0, 0, 0, False)
    assert stand.pool.call.is_senior(account)


def test_opening_is_told(stand: Stand, trader: Address) -> None:
    cross = stand.pool.transact.open_account(sender=trader).named("AccountOpened")
    isolated = stand.pool.transact.open_isolated_account(0, sender=trader).named("AccountOpened")
    protocol = stand.pool.transact.open_protocol_account(sender=stand.vault).named("AccountOpened")

    assert [tuple(event)[1:] for event in cross + isolated + protocol] == [
        (trader, 0, False),
        (trader, 1, False),
        (stand.vault, 0, True),
    ]


def test_an_isolated_account_needs_a_listed_market(stand: Stand, trader: Address) -> None:
    market = stand.list_market()
    stand.pool.transact.open_isolated_account(market, sender=trader)

    for unknown in (market + 1, 2**256 - 1):
        with refused("pool: unknown market"):
            stand.pool.transact.open_isolated_account(unknown, sender=trader)


def test_an_isolated_account_trades_in_its_market_alone(
    stand: Stand, trader: Address, making: int
) -> None:
    own, foreign = 0, stand.list_market()
    stand.mark(START, START)
    account = stand.open_isolated(trader, own, 1_000)

    for market, answers in ((foreign, (TAKER_FAILS, MAKER_FAILS)), (own, (0, 0))):
        price = MARK
        taking = Match(market, account, making, taker_buys=True, lots=1, price=price)
        making_it = Match(market, making, account, taker_buys=True, lots=1, price=price)
        assert (stand.answer(taking), stand.answer(making_it)) == answers


def test_an_isolated_account_rests_in_its_market_alone(stand: Stand, trader: Address) -> None:
    foreign = stand.list_market()
    stand.mark(START, START)
    account = stand.open_isolated(trader, 0, 1_000)

    with refused("pool: market not for account"):
        stand.rest(account, bids=1, market=foreign)
    stand.rest(account, bids=1)


def test_a_loss_in_an_isolated_account_stays_in_it(
    stand: Stand, trader: Address, making: int
) -> None:
    cross, isolated = stand.open(trader, 500), stand.open_isolated(trader, 0, 100)
    stand.trade(isolated, making, 10)

    stand.mark(START - 20)

    assert (stand.equity(isolated), stand.equity(cross)) == (-100, 500)


def test_a_cross_account_covers_one_market_with_another(
    stand: Stand, trader: Address, making: int
) -> None:
    second = stand.list_market()
    stand.mark(START, START)
    account = stand.open(trader, 100)
    for market in (0, second):
        stand.trade(account, making, 10, START, market)

    stand.mark(START - 20, START + 30)

    assert stand.equity(account) == 100 - 200 + 300


def list_markets(stand: Stand, count: int) -> None:
    for _ in range(count - len(stand.markets())):
        stand.list_market()
    stand.mark(*[START] * count)


def test_an_account_has_legs_in_eight_markets_at_most(
    stand: Stand, taking: int, making: int, other: int
) -> None:
    list_markets(stand, MAX_LEGS + 1)
    last = Match(MAX_LEGS, taking, other, taker_buys=True, lots=1, price=MARK)
    for market in range(MAX_LEGS - 1):
        stand.fill(Match(market, taking, making, True, 1, MARK))
    stand.rest(taking, asks=1, market=MAX_LEGS - 1)

    assert stand.answer(last) == TAKER_FAILS
    assert stand.answer(last._replace(taker=other, maker=taking)) == MAKER_FAILS
    with refused("pool: market not for account"):
        stand.rest(taking, bids=1, market=MAX_LEGS)

    stand.fill(Match(3, taking, making, False, 1, MARK))
    stand.fill(last)
    assert stand.pool.call.legs_of(taking).bit_count() == MAX_LEGS


def test_a_leg_that_is_there_may_grow_though_there_are_eight(
    stand: Stand, taking: int, making: int
) -> None:
    list_markets(stand, MAX_LEGS)
    for market in range(MAX_LEGS):
        stand.fill(Match(market, taking, making, True, 1, MARK))

    stand.fill(Match(MAX_LEGS - 1, taking, making, True, 1, MARK))
    stand.rest(taking, bids=1)

    assert stand.size(taking, MAX_LEGS - 1) == 2


def test_a_protocol_account_may_be_handed_any_number_of_legs(
    stand: Stand, making: int, other: int
) -> None:
    list_markets(stand, MAX_LEGS + 2)
    child = stand.open_protocol(1_000)

    for market in range(MAX_LEGS + 2):
        stand.trade(child, making if market % 2 else other, 1, START, market)

    assert stand.pool.call.legs_of(child) == 2 ** (MAX_LEGS + 2) - 1


def test_a_protocol_account_does_not_open_a_position_itself(stand: Stand, making: int) -> None:
    child = stand.open_protocol(1_000)
    opening = Match(0, child, making, taker_buys=True, lots=1, price=MARK)

    assert stand.answer(opening) == TAKER_FAILS
    assert stand.answer(opening._replace(taker=making, maker=child)) == MAKER_FAILS
    with refused("pool: market not for account"):
        stand.rest(child, bids=1)
