# pragma version 0.4.3
"""
@title margin
@license MIT
@notice What an account is worth at the marks and what margin it needs.
@dev Every walk over legs is bounded by MAX_LEGS for traders (~9k gas a leg, cold) and by
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

NOWHERE: constant(uint256) = max_value(uint256)
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
    return self._leg_of(account, market, positions._load(account, market))


@internal
@view
def _leg_of(account: uint256, market: uint256, held: positions.Held) -> Leg:
    bids: uint256 = 0
    asks: uint256 = 0
    bids, asks = positions._resting(account, market)
    return Leg(market=market, size=held.size, bids=bids, asks=asks, leverage=held.leverage)


# @notice Weigh an account as it stands.
@internal
@view
def _health(account: uint256) -> IMarginPool.Health:
    nowhere: Leg = empty(Leg)
    nowhere.market = NOWHERE
    return self._weigh(account, accounts._load(account), nowhere, empty(markets.View), True)


# @notice Weigh an account with one leg as it would be.
# @param leg In place of what is stored of its market; `leg_seen` is that market.
# @param with_initial Whether initial margin is wanted: it reads the resting lots of each leg.
@internal
@view
def _weigh(
    account: uint256,
    a: accounts.Account,
    leg: Leg,
    leg_seen: markets.View,
    with_initial: bool,
) -> IMarginPool.Health:
    health: IMarginPool.Health = empty(IMarginPool.Health)
    health.equity = a.stored
    health.legs = a.legs
    health.protocol = a.flags & accounts.PROTOCOL != 0
    rest: uint256 = a.legs
    for i: uint256 in range(markets.MAX_MARKETS):
        if rest == 0:
            break
        market: uint256 = math._lowest_bit(rest)
        rest &= rest - 1
        seen: markets.View = leg_seen
        now: Leg = leg
        if market != leg.market:
            seen = markets._view(market)
            if with_initial:
                now = self._leg(account, market)
            else:
                now.size = positions._load(account, market).size
        health.equity += self._worth(market, seen, now.size)
        notional: uint256 = math._magnitude(now.size) * seen.mark
        health.notional += notional
        health.maintenance += markets._maintenance(seen.schedule, notional)
        if not seen.fresh:
            health.stale_notional += max(notional, 1)
        if with_initial:
            health.initial += self._initial(seen, now)
    return health


# @notice What a size adds to the stored quote: its value at mark, less the funding and charges
#         that the stored quote still holds.
@internal
@view
def _worth(market: uint256, seen: markets.View, size: int256) -> int256:
    if size == 0:
        return 0
    worth: int256 = size * (convert(seen.mark, int256) - seen.funding)
    if seen.flags & markets.CHARGED != 0:
        worth -= markets._charge(market, size)
    return worth


# @notice Lots at risk if every order of the worse side were filled.
@internal
@pure
def _worst_lots(leg: Leg) -> uint256:
    return max(
        math._magnitude(leg.size + convert(leg.bids, int256)),
        math._magnitude(leg.size - convert(leg.asks, int256)),
    )


@internal
@view
def _initial(seen: markets.View, leg: Leg) -> uint256:
    worst: uint256 = self._worst_lots(leg) * seen.mark
    leverage: uint256 = leg.leverage
    if leverage == 0:
        leverage = markets._max_leverage(seen.schedule, worst)
    return math._ceil_div(worst, leverage)


# @notice Whether the leverage chosen for a leg is within its tier at the worst case.
@internal
@view
def _leverage_allowed(seen: markets.View, leg: Leg) -> bool:
    if leg.leverage == 0:
        return True
    worst: uint256 = self._worst_lots(leg) * seen.mark
    return leg.leverage <= markets._max_leverage(seen.schedule, worst)


# @notice Refuse where an account, less `amount` of quote, does not cover initial margin and `share` ppm of
#         its notional, judged by fresh marks alone.
@internal
@view
def _check_covered(account: uint256, amount: uint256, share: uint256):
    health: IMarginPool.Health = self._health(account)
    require._that(health.stale_notional == 0, "pool: stale mark")
    kept: uint256 = max(health.initial, math._ceil_div(health.notional * share, 10**6))
    require._that(health.equity >= convert(kept + amount, int256), "pool: below initial margin")


# --- ranking ------------------------------------------------------------------------------


# @notice What ranking needs of one holder, with `market` at the given mark and funding index.
@internal
@view
def _candidate(
    market: uint256, account: uint256, mark: uint256, funding: int256
) -> IMarginPool.Candidate:
    held: positions.Held = positions._load(account, market)
    worth: int256 = held.size * (convert(mark, int256) - funding)
    size: uint256 = math._magnitude(held.size)
    return IMarginPool.Candidate(
        account=account,
        place=held.place,
        size=size,
        pnl=worth - held.cost,
        equity=worth + self._elsewhere(account, market, held.size),
        notional=size * mark,
        entry_notional=max(math._magnitude(held.cost), 1),
    )


# @notice Stored quote and the worth of all legs but one, at the present marks.
@internal
@view
def _elsewhere(account: uint256, market: uint256, size: int256) -> int256:
    a: accounts.Account = accounts._load(account)
    total: int256 = a.stored - markets._charge(market, size)
    rest: uint256 = a.legs & ~(1 << market)
    for i: uint256 in range(markets.MAX_MARKETS):
        if rest == 0:
            break
        other: uint256 = math._lowest_bit(rest)
        rest &= rest - 1
        total += self._worth(other, markets._view(other), positions._load(account, other).size)
    return total
