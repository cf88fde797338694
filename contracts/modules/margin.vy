# pragma version 0.4.3
"""
@title margin
@license MIT
@notice What an account is worth at the marks and what margin it needs.
@dev `unsafe_*` here: |size| and resting lots are below 2**56, marks below 2**80 and |F| below 2**86, so that
     a leg is worth less than 2**143, and all 256 of them, or a notional of each, less than 2**151.
     Every walk over legs is bounded by MAX_LEGS for traders (~9k gas a leg, cold) and by
     MAX_MARKETS for accounts of the protocol (256 legs: ~2.3M gas).
"""

from ..interfaces import IMarginPool
from . import accounts
from . import markets
from . import math
from . import positions
from . import require

uses: accounts
uses: markets
uses: positions

# What must stay behind a withdrawal beside initial margin: a tenth of notional, ppm.
WITHDRAWAL_SHARE: constant(uint256) = 100_000


# One leg as it would be after a change, in place of what is stored.
struct Leg:
    market: uint256
    size: int256
    bids: uint256
    asks: uint256
    leverage: uint256


@internal
@view
def _leg(account: uint256, market: uint256) -> Leg:
    return self._leg_of(account, market, positions._load(account, market), True)


# @param live Whether the account's bitmap has the market: where it has not, no order rests there.
@internal
@view
def _leg_of(account: uint256, market: uint256, held: positions.Held, live: bool) -> Leg:
    bids: uint256 = 0
    asks: uint256 = 0
    if live:
        bids, asks = positions._resting(account, market)
    return Leg(market=market, size=held.size, bids=bids, asks=asks, leverage=held.leverage)


# @notice Weigh an account as it stands.
@internal
@view
def _health(account: uint256) -> IMarginPool.Health:
    a: accounts.Account = accounts._load(account)
    if a.legs == 0:
        return self._cash(a)
    leg: Leg = self._leg(account, math._lowest_bit(a.legs))
    return self._weigh(account, a, markets._view(leg.market), leg, True)


# @notice Weigh an account with one leg as it would be, in place of what is stored of its market.
# @param leg Of `seen`, and weighed first; all others as they stand.
# @param maintenance Whether it is wanted.
@internal
@view
def _weigh(
    account: uint256, a: accounts.Account, seen: markets.View, leg: Leg, maintenance: bool
) -> IMarginPool.Health:
    health: IMarginPool.Health = self._cash(a)
    now: Leg = leg
    at: markets.View = seen
    rest: uint256 = a.legs & ~(1 << leg.market)
    for i: uint256 in range(markets.MAX_MARKETS):
        notional: uint256 = unsafe_mul(math._magnitude(now.size), at.mark)
        health.equity = unsafe_add(health.equity, self._worth(now.market, at, now.size))
        health.notional = unsafe_add(health.notional, notional)
        if not at.fresh:
            health.stale_notional = unsafe_add(health.stale_notional, max(notional, 1))
        health.initial = unsafe_add(health.initial, self._initial(at, now))
        if maintenance:
            needed: uint256 = markets._maintenance(at.schedule, notional)
            health.maintenance = unsafe_add(health.maintenance, needed)
        if rest == 0:
            break
        now = self._leg(account, math._lowest_bit(rest))
        rest &= unsafe_sub(rest, 1)
        at = markets._view(now.market)
    return health


# @notice Equity, with one position as it would be, and what the others are worth at mark, longs less shorts: all that a loss or
#         a ranking asks for.
@internal
@view
def _equity(
    account: uint256, a: accounts.Account, seen: markets.View, market: uint256, size: int256
) -> (int256, int256):
    equity: int256 = unsafe_add(a.stored, self._worth(market, seen, size))
    others: int256 = 0
    rest: uint256 = a.legs & ~(1 << market)
    for i: uint256 in range(markets.MAX_MARKETS):
        if rest == 0:
            break
        other: uint256 = math._lowest_bit(rest)
        rest &= unsafe_sub(rest, 1)
        at: markets.View = markets._view(other)
        held: positions.Held = positions._load(account, other)
        equity = unsafe_add(equity, self._worth(other, at, held.size))
        others = unsafe_add(others, unsafe_mul(held.size, convert(at.mark, int256)))
    return equity, others


@internal
@pure
def _cash(a: accounts.Account) -> IMarginPool.Health:
    health: IMarginPool.Health = empty(IMarginPool.Health)
    health.equity = a.stored
    health.legs = a.legs
    health.protocol = a.flags & accounts.PROTOCOL != 0
    return health


# @notice What a size adds to the stored quote: its value at mark, less the funding and charges
#         that the stored quote still holds.
@internal
@view
def _worth(market: uint256, seen: markets.View, size: int256) -> int256:
    if size == 0:
        return 0
    worth: int256 = unsafe_mul(size, unsafe_sub(convert(seen.mark, int256), seen.funding))
    if seen.flags & markets.CHARGED != 0:
        worth -= markets._charge(market, size)
    return worth


# @notice Lots at risk if every order of the worse side were filled.
@internal
@pure
def _worst_lots(leg: Leg) -> uint256:
    return max(
        math._magnitude(unsafe_add(leg.size, convert(leg.bids, int256))),
        math._magnitude(unsafe_sub(leg.size, convert(leg.asks, int256))),
    )


# @dev In a market that was tightened, a leverage chosen before counts for no more than is allowed now.
@internal
@view
def _initial(seen: markets.View, leg: Leg) -> uint256:
    worst: uint256 = unsafe_mul(self._worst_lots(leg), seen.mark)
    leverage: uint256 = leg.leverage
    if seen.flags & markets.TIGHTENED != 0:
        most: uint256 = markets._max_leverage(markets.entries[leg.market], worst)
        # 0 wraps and is replaced.
        if unsafe_sub(leverage, 1) >= most:
            leverage = most
    elif leverage == 0:
        leverage = markets._max_leverage(seen.schedule, worst)
    return math._ceil_div(worst, leverage)


# @notice Whether the leverage chosen for a leg is within its tier at the worst case.
@internal
@view
def _leverage_allowed(seen: markets.View, leg: Leg) -> bool:
    if leg.leverage == 0:
        return True
    worst: uint256 = unsafe_mul(self._worst_lots(leg), seen.mark)
    schedule: uint256 = seen.schedule
    if seen.flags & markets.TIGHTENED != 0:
        schedule = markets.entries[leg.market]
    return leg.leverage <= markets._max_leverage(schedule, worst)


# @notice Refuse where an account, less `amount` of quote, does not cover initial margin and `share` ppm of
#         its notional, judged by fresh marks alone.
@internal
@view
def _check_covered(account: uint256, amount: uint256, share: uint256):
    self._check_health(self._health(account), amount, share)


@internal
@pure
def _check_health(health: IMarginPool.Health, amount: uint256, share: uint256):
    markets._check_fresh(health.stale_notional == 0)
    kept: uint256 = max(health.initial, math._ceil_div(health.notional * share, 10**6))
    require._that(health.equity >= convert(kept + amount, int256), "pool: below initial margin")


# --- ranking ------------------------------------------------------------------------------


# @notice What ranking needs of one holder.
# @param at The market, at the mark and funding index that ranking goes by; other legs count at the present ones.
@internal
@view
def _candidate(market: uint256, account: uint256, at: markets.View) -> IMarginPool.Candidate:
    held: positions.Held = positions._load(account, market)
    size: uint256 = math._magnitude(held.size)
    equity: int256 = 0
    others: int256 = 0
    equity, others = self._equity(account, accounts._load(account), at, market, held.size)
    return IMarginPool.Candidate(
        account=account,
        place=held.place,
        size=size,
        pnl=held.size * (convert(at.mark, int256) - at.funding) - held.cost,
        equity=equity,
        notional=size * at.mark,
        entry_notional=max(math._magnitude(held.cost), 1),
        others=others,
    )
