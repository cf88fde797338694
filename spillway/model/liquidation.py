"""Book liquidation and takeover: slices, the limit per lot, and what happens next."""

from enum import Enum

from spillway.model import margin
from spillway.model.margin import QUOTE_PER_USD, Health, Market
from spillway.model.pool import Pool, require
from spillway.model.rounding import ceil_div
from spillway.model.words import Leg
from spillway.units import QUOTE_PER_UNIT

SLICE_FROM = 100_000 * QUOTE_PER_USD  # notional over which a leg is sold in slices
SLICE_PARTS = 5
LOWEST_LIMIT: int = QUOTE_PER_UNIT  # every legal price is a multiple of it


class Next(Enum):
    """What a liquidation does after its sweep of the book."""

    STOP = "healthy again"
    TAKEOVER = "equity below 2/3 of maintenance"
    WAIT = "wait for the next epoch"
    DELEVERAGE = "equity below zero"


def decide(equity: int, maintenance: int) -> Next:
    """Return what an account's equity calls for once the book has been tried."""
    if equity < 0:
        return Next.DELEVERAGE
    if equity >= maintenance:
        return Next.STOP
    return Next.TAKEOVER if 3 * equity < 2 * maintenance else Next.WAIT


def lots_to_sell(size: int, mark: int, *, cooling_down: bool) -> int:
    """Return the lots of one leg that a book liquidation may trade at once.

    Args:
        size: Lots, signed.
        mark: Quote per lot.
        cooling_down: A slice of this account was sold within the last 30 s: sell the whole.
    """
    lots = abs(size)
    if cooling_down or lots * mark <= SLICE_FROM:
        return lots
    return ceil_div(lots, SLICE_PARTS)


def bankruptcy_limit(leg: Leg, market: Market, health: Health, fee: int) -> int:
    """Return the worst price per lot at which a leg may be closed in the book.

    Args:
        leg: At its FULL size, whatever part of it is sold.
        market: Its market.
        health: Of the whole account, before the sweep.
        fee: That the taker will owe, quote.

    Returns:
        mark -/+ the leg's maintenance share of (equity - fee) over all its lots, quote per lot;
        rounded in the loser's favour, at least one tick.
    """
    share = margin.leg_maintenance(leg, market)
    room = (health.equity - fee) * share // (health.maintenance * abs(leg.size))
    return max(market.mark - room if leg.size > 0 else market.mark + room, LOWEST_LIMIT)


def legs_by_maintenance(pool: Pool, account: int) -> list[int]:
    """Return the markets of an account's positions, largest maintenance first, then by id."""
    legs = pool.accounts[account].legs
    owed = {m: margin.leg_maintenance(leg, pool.markets[m]) for m, leg in legs.items() if leg.size}
    return sorted(owed, key=lambda m: (-owed[m], m))


def take_over(pool: Pool, account: int, child: int) -> int:
    """Pass every leg to the vault's child at mark, then all equity; give that equity.

    The account ends flat with exactly 0. Both equities must be >= 0.
    """
    equity = pool.equity(account)
    require(equity >= 0, "liquidator: account is bankrupt")
    require(pool.equity(child) >= 0, "liquidator: child is bankrupt")
    for number, leg in pool.accounts[account].legs.items():
        lots = abs(leg.size)
        buyer, seller = (child, account) if leg.size > 0 else (account, child)
        pool.exchange(number, buyer, seller, lots, lots * pool.markets[number].mark)
    pool.pay(account, child, equity)
    return equity
