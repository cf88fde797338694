"""Voluntary trades: resting orders, leverage, and the match of a taker with a maker."""

from dataclasses import dataclass, replace
from enum import IntEnum

from spillway.model import margin
from spillway.model.margin import Market
from spillway.model.pool import FEE_UNIT, MAX_LEGS, UNDERFLOW, Pool, require
from spillway.model.rounding import ceil_div
from spillway.model.words import FEES, ISOLATED, PROTOCOL, Leg

MAX_OPEN_INTEREST = 2**54


class Answer(IntEnum):
    """What the pool answers to a match."""

    FILLED = 0
    TAKER_FAILS = 1
    MAKER_FAILS = 2
    CAP_REACHED = 3


@dataclass(frozen=True, slots=True)
class Fill:
    """A match: lots, price in quote per lot, and who takes which side."""

    market: int
    taker: int
    maker: int
    taker_buys: bool
    lots: int
    price: int
    maker_reserved: bool = False
    liquidation: bool = False


def leverage_allowed(market: Market, leg: Leg) -> bool:
    """Return whether the leverage chosen for a leg is within its tier at the worst case."""
    worst = margin.worst_lots(leg) * market.mark
    return leg.leverage <= margin.max_leverage(market.entry or market.tiers, worst)


def may_hold(pool: Pool, account: int, market: int) -> bool:
    """Return whether an account may have a leg in a market at all."""
    held = pool.accounts[account]
    if market in held.legs:
        return True
    if held.flags & ISOLATED:
        return pool.isolated_to[account] == market
    return not held.flags & PROTOCOL and len(held.legs) < MAX_LEGS


def check_initial(pool: Pool, account: int) -> None:
    """Refuse unless an account covers its initial margin at fresh marks."""
    health = pool.health(account)
    require(health.stale_notional == 0, "pool: stale mark")
    require(health.equity >= health.initial, "pool: below initial margin")


def set_leverage(pool: Pool, account: int, market: int, leverage: int) -> None:
    """Choose the leverage that sets initial margin in one market."""
    trial = pool.copy()
    leg = replace(pool.leg(account, market), leverage=leverage)
    allowed = leverage != 0 and leverage_allowed(pool.markets[market], leg)
    require(allowed, "pool: leverage not allowed")
    trial.set_leg(account, market, leg)
    if leg.live:
        check_initial(trial, account)
    pool.become(trial)


def rest(pool: Pool, account: int, market: int, bids: int, asks: int) -> None:
    """Change the lots that rest for an account by signed `bids` and `asks`."""
    trial = pool.copy()
    before = pool.leg(account, market)
    leg = replace(before, bids=before.bids + bids, asks=before.asks + asks)
    for lots in (leg.bids, leg.asks):
        require(0 <= lots < MAX_OPEN_INTEREST, "pool: size too large")
    trial.set_leg(account, market, leg)
    if bids > 0 or asks > 0:
        held = pool.markets[market]
        require(not held.locked, "pool: market is locked")
        require(may_hold(pool, account, market), "pool: market not for account")
        require(leverage_allowed(held, leg), "pool: leverage not allowed")
        check_initial(trial, account)
    pool.become(trial)


def fill(pool: Pool, match: Fill) -> Answer:
    """Match a taker with one maker at the maker's price; unless FILLED, nothing changes."""
    market = pool.markets[match.market]
    require(not market.locked, "pool: market is locked")
    require(market.fresh(pool.now), "pool: stale mark")
    require(match.taker != match.maker, "pool: same account")
    require(0 < match.lots <= MAX_OPEN_INTEREST, "pool: lots out of range")
    in_band = abs(match.price - market.mark) * FEE_UNIT <= pool.band * market.mark
    require(match.liquidation or in_band, "pool: price outside the band")

    trial = pool.copy()
    _match(trial, match)
    grown = trial.markets[match.market].open_interest
    if not match.liquidation and grown > max(market.open_interest, market.open_interest_cap):
        return Answer.CAP_REACHED
    _charge_fees(trial, match)
    if not match.liquidation and not _stands(pool, trial, match.taker, match):
        return Answer.TAKER_FAILS
    if not _stands(pool, trial, match.maker, match):
        return Answer.MAKER_FAILS
    pool.become(trial)
    return Answer.FILLED


def _match(pool: Pool, match: Fill) -> None:
    sides = (match.taker, match.maker) if match.taker_buys else (match.maker, match.taker)
    pool.exchange(match.market, *sides, match.lots, match.lots * match.price)
    if match.maker_reserved:
        leg = pool.leg(match.maker, match.market)
        asks = leg.asks - (match.lots if match.taker_buys else 0)
        bids = leg.bids - (0 if match.taker_buys else match.lots)
        require(min(asks, bids) >= 0, UNDERFLOW)
        pool.set_leg(match.maker, match.market, replace(leg, bids=bids, asks=asks))


def _charge_fees(pool: Pool, match: Fill) -> None:
    notional = match.lots * match.price
    taker_fee = ceil_div(notional * pool.taker_fee, FEE_UNIT)
    if match.liquidation:
        taker_fee = min(taker_fee, max(pool.equity(match.taker), 0))
    pool.move(match.taker, FEES, taker_fee)
    pool.move(match.maker, FEES, ceil_div(notional * pool.maker_fee, FEE_UNIT))


def _stands(before: Pool, after: Pool, account: int, match: Fill) -> bool:
    """Return whether one side may stand as it is after the match, judged at mark."""
    was, is_now = before.leg(account, match.market).size, after.leg(account, match.market).size
    shrinks = abs(is_now) < abs(was) and is_now * was >= 0
    equity = after.equity(account)
    protocol = bool(after.accounts[account].flags & PROTOCOL)
    if protocol or (shrinks and equity < 0):
        return shrinks and equity >= 0
    if shrinks:
        gained = equity - before.equity(account)
        freed = before.maintenance(account) - after.maintenance(account)
        if gained + freed >= 0:
            return True
    return _may_grow(before, after, account, match.market)


def _may_grow(before: Pool, after: Pool, account: int, market: int) -> bool:
    """Return whether an account may have its new leg: a place for it, and initial margin."""
    if not may_hold(before, account, market):
        return False
    leg = after.leg(account, market)
    grows = abs(leg.size) > abs(before.leg(account, market).size)
    if grows and not leverage_allowed(after.markets[market], leg):
        return False
    health = after.health(account)
    return health.stale_notional == 0 and health.equity >= health.initial
