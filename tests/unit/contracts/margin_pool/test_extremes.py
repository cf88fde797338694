"""The smallest and the largest that the bits hold: nothing overflows, nothing is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.chain import refused
from tests.unit.contracts.margin_pool.stand import (
    FILLED,
    MAX_PRICE,
    QUOTE_PER_UNIT,
    TAKER_FAILS,
    Match,
    Stand,
)

if TYPE_CHECKING:
    from spillway.engines import Address

MOST_LOTS = 2**54 - 1
MOST_FUNDING = 2**86 - 1
MOST_UNITS = 2**64 - 1
MARKETS = 4


def fund(stand: Stand, account: int, owner: Address, times: int) -> None:
    """Pay in the most that one call takes, again and again."""
    call = stand.pool.build.credit(owner, account, MOST_UNITS, sender=stand.cashier, gas=200_000)
    now = stand.engine.head.timestamp
    receipts = stand.engine.send_block([call] * times, now + 1).receipts
    assert all(receipt.success for receipt in receipts)


@pytest.fixture
def wide(stand: Stand) -> Stand:
    """Markets with the largest cap and the widest last tier."""
    while len(stand.markets()) < MARKETS:
        stand.list_market(cap=MOST_LOTS, tiers=((0, 255), (2**40 - 1, 1)))
    return stand


def at(stand: Stand, price: int, funding: int = 0) -> None:
    stand.post(*[(market, price, price, funding) for market in range(1, MARKETS)])


def test_the_largest_notional_is_traded_and_judged(
    wide: Stand, trader: Address, maker: Address
) -> None:
    """2**54 lots at 2**80 quote: 2**134, of which the last tier wants all as initial margin."""
    long, short = wide.open(trader), wide.open(maker)
    notional = MOST_LOTS * MAX_PRICE
    needed = notional // (MOST_UNITS * QUOTE_PER_UNIT) + 2
    assert needed > 10**6  # more cash than exists: only an engine can move such a position
    at(wide, MAX_PRICE)
    match = Match(1, long, short, taker_buys=True, lots=MOST_LOTS, price=MAX_PRICE)

    assert wide.answer(match) == TAKER_FAILS
    wide.exchange(long, short, MOST_LOTS, notional, market=1)

    health = wide.pool.call.health(long)
    first = (2**40 - 1) * 10**18
    assert health.notional == health.initial == notional
    assert health.maintenance == -(-first // 510) + -(-(notional - first) // 2)
    assert health.equity == 0


@pytest.mark.parametrize("sign", [1, -1])
def test_positions_of_the_largest_size_in_many_markets_through_the_widest_moves(
    wide: Stand, trader: Address, maker: Address, sign: int
) -> None:
    buyer, seller = (wide.open(trader), wide.open(maker))[::sign]
    for price, funding in ((1, MOST_FUNDING), (MAX_PRICE, -2 * MOST_FUNDING), (1, MOST_FUNDING)):
        for market in range(1, MARKETS):
            wide.exchange(buyer, seller, MOST_LOTS, MOST_LOTS * price, market)
        at(wide, price, funding)
        for account in (buyer, seller):
            health = wide.pool.call.health(account)
            assert health.notional == (MARKETS - 1) * MOST_LOTS * price
        for market in range(1, MARKETS):
            wide.exchange(seller, buyer, MOST_LOTS, -MOST_LOTS * price, market)

    equities = [wide.pool.call.health(account).equity for account in (buyer, seller)]
    assert sum(equities) == 0
    assert all(wide.pool.call.legs_of(account) == 0 for account in (buyer, seller))


def test_a_match_at_one_wei_of_quote(wide: Stand, trader: Address, maker: Address) -> None:
    taker, other = wide.open(trader, 1), wide.open(maker, 1)
    at(wide, 1)

    # Notional 255: initial margin ceil(255 / 255), fees rounded up to 1 each.
    filled = wide.fill(Match(1, taker, other, taker_buys=True, lots=255, price=1))

    assert (filled.taker_fee, filled.maker_fee) == (1, 1)
    health = wide.pool.call.health(taker)
    assert (health.initial, health.maintenance, health.equity) == (1, 1, 10**18 - 1)


def test_a_band_below_one_wei_is_the_mark_itself(
    wide: Stand, trader: Address, maker: Address
) -> None:
    taker, other = wide.open(trader, 1), wide.open(maker, 1)
    at(wide, 1)

    for price in (0, 2):
        with refused("pool: price outside the band"):
            wide.answer(Match(1, taker, other, taker_buys=True, lots=1, price=price))


@pytest.mark.parametrize("price", [2**200, 2**256 - 1])
def test_a_price_that_would_overflow_is_refused_or_undone(
    wide: Stand, trader: Address, maker: Address, price: int
) -> None:
    """The largest size through the band is far from any bound; what is not is no price at all."""
    taker, other = wide.open(trader, 1), wide.open(maker, 1)
    at(wide, MAX_PRICE)
    before = wide.accounts()

    receipt = wide.engine.send(
        wide.pool.build.fill(
            Match(1, taker, other, taker_buys=True, lots=1, price=price), sender=wide.book
        )
    )

    assert not receipt.success
    assert wide.accounts() == before


def test_the_largest_match_that_cash_can_back(wide: Stand, trader: Address, maker: Address) -> None:
    """All of 2**54 - 1 lots at a price that 40 deposits of the largest size can carry."""
    taker, other = wide.open(trader), wide.open(maker)
    fund(wide, taker, trader, 40)
    fund(wide, other, maker, 40)
    cash = 40 * MOST_UNITS * QUOTE_PER_UNIT
    price = cash // MOST_LOTS // 2  # beyond the first tier: initial margin is the notional
    at(wide, price)

    assert wide.answer(Match(1, taker, other, True, MOST_LOTS + 1, price)) != FILLED
    wide.fill(Match(1, taker, other, True, MOST_LOTS, price))

    assert wide.size(taker, 1) == -wide.size(other, 1) == MOST_LOTS
    wide.fill(Match(1, taker, other, False, MOST_LOTS, price))
    assert wide.pool.call.market(1).open_interest == 0


def test_a_charge_on_the_largest_side(wide: Stand, trader: Address, maker: Address) -> None:
    long, short = wide.open(trader), wide.open(maker)
    at(wide, MAX_PRICE)
    wide.exchange(long, short, MOST_LOTS, MOST_LOTS * MAX_PRICE, market=1)

    amount = 2**133 + 1
    wide.pool.transact.socialize(1, True, short, amount, sender=wide.liquidator)

    per_lot = -(-amount // MOST_LOTS)
    assert wide.pool.call.health(long).equity == -MOST_LOTS * per_lot
    assert wide.pool.call.pot(1) == MOST_LOTS * per_lot - amount
