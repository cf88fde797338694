# pragma version 0.4.3
"""
@title BackstopProviders
@license MIT
@notice Traders who stand behind the book with accounts of their own. See IBackstopProviders.
@dev It holds nothing and moves nothing: it only names an account.
"""

from .interfaces import IBackstop
from .interfaces import IBackstopProviders
from .interfaces import IMarginPool
from .modules import accounts
from .modules import markets
from .modules import math

implements: IBackstop
implements: IBackstopProviders

# Weighed in each takeover, ~200k gas each, cold, with the eight legs of an account of eight: what the dearest
# liquidation leaves of a transaction is not more than this.
MAX_PROVIDERS: constant(uint256) = 4
# Legs of a trader's account.
MAX_LEGS: constant(uint256) = 8
MAX_LIMIT: constant(uint256) = 2**128
NOBODY: constant(uint256) = max_value(uint256)

POOL: immutable(IMarginPool)

# What a newcomer must be able to take at least, quote.
least: public(immutable(uint256))

# Those who stand behind the book; the order means nothing.
providers: DynArray[IBackstopProviders.Pledge, MAX_PROVIDERS]


# One leg that is to pass, and what its margin goes by.
struct Leg:
    market: uint256
    size: int256
    mark: uint256
    schedule: uint256


@deploy
def __init__(pool: IMarginPool, least_strength: uint256):
    POOL = pool
    least = least_strength


# --- owners of accounts --------------------------------------------------------------------


@external
def pledge(account: uint256, limit: uint256):
    self._check_owner(account)
    assert limit < MAX_LIMIT, "providers: limit too large"
    place: uint256 = self._place(account)
    pledged: IBackstopProviders.Pledge = IBackstopProviders.Pledge(account=account, limit=limit)
    if place != NOBODY:
        self.providers[place] = pledged
    else:
        self._admit(pledged)
    log IBackstopProviders.Pledged(account=account, limit=limit)


@external
def leave(account: uint256):
    self._check_owner(account)
    place: uint256 = self._place(account)
    assert place != NOBODY, "providers: no pledge"
    last: IBackstopProviders.Pledge = self.providers.pop()
    if last.account != account:
        self.providers[place] = last
    log IBackstopProviders.Released(account=account, by=0)


# --- views ---------------------------------------------------------------------------------


@external
@view
def backstop_for(account: uint256) -> uint256:
    taken: IMarginPool.Health = staticcall POOL.health(account)
    legs: DynArray[Leg, MAX_LEGS] = self._legs(account, taken.legs)
    best: uint256 = 0
    most: uint256 = 0
    for provider: IBackstopProviders.Pledge in self.providers:
        # Nothing passes from an account to itself: a loser that has pledged would stop its own liquidation.
        if provider.account == account:
            continue
        own: IMarginPool.Health = staticcall POOL.health(provider.account)
        room: uint256 = self._room(provider, own)
        if room < taken.notional or room <= most:
            continue
        if math._count_bits(own.legs | taken.legs) > MAX_LEGS or own.stale_notional != 0:
            continue
        if own.equity >= self._initial_with(provider.account, own, legs):
            best = provider.account
            most = room
    return best


# @dev What an account below zero lacks is not a provider's to pay.
@external
@view
def allowance() -> uint256:
    return 0


@external
@view
def pledges() -> DynArray[IBackstopProviders.Pledge, MAX_PROVIDERS]:
    return self.providers


@external
@view
def spare(account: uint256) -> uint256:
    place: uint256 = self._place(account)
    if place == NOBODY:
        return 0
    return self._room(self.providers[place], staticcall POOL.health(account))


# --- places --------------------------------------------------------------------------------


@internal
@view
def _check_owner(account: uint256):
    assert staticcall POOL.owner_of(account) == msg.sender, "providers: not the owner"


# @return Where an account stands in the list, or NOBODY.
@internal
@view
def _place(account: uint256) -> uint256:
    for i: uint256 in range(len(self.providers), bound=MAX_PROVIDERS):
        if self.providers[i].account == account:
            return i
    return NOBODY


# @notice Give a newcomer a place: a free one, or that of the weakest if it is stronger.
@internal
def _admit(newcomer: IBackstopProviders.Pledge):
    health: IMarginPool.Health = staticcall POOL.health(newcomer.account)
    owner: uint256 = (staticcall POOL.words(newcomer.account, 0)).owner
    isolated: bool = (owner >> 160) & accounts.MARKET_MASK != 0
    assert not isolated and not health.protocol, "providers: not a cross account"
    assert health.stale_notional == 0, "providers: stale mark"
    strength: uint256 = self._strength(newcomer, health)
    assert strength >= least, "providers: too weak"
    if len(self.providers) < MAX_PROVIDERS:
        self.providers.append(newcomer)
        return

    weakest: uint256 = 0
    lowest: uint256 = max_value(uint256)
    for i: uint256 in range(MAX_PROVIDERS):
        other: IBackstopProviders.Pledge = self.providers[i]
        its: uint256 = self._strength(other, staticcall POOL.health(other.account))
        if its < lowest:
            weakest = i
            lowest = its
    assert strength > lowest, "providers: others are stronger"
    log IBackstopProviders.Released(account=self.providers[weakest].account, by=newcomer.account)
    self.providers[weakest] = newcomer


# --- what a provider can take --------------------------------------------------------------


# @notice Notional that it may still take over.
@internal
@pure
def _room(provider: IBackstopProviders.Pledge, own: IMarginPool.Health) -> uint256:
    return provider.limit - min(provider.limit, own.notional)


# @notice What it stands for: equity that is free to be margin, as far as its pledge goes.
# @dev A large equity with a small limit is as little use as the reverse.
@internal
@pure
def _strength(provider: IBackstopProviders.Pledge, own: IMarginPool.Health) -> uint256:
    free: uint256 = math._positive(own.equity - convert(own.initial, int256))
    return min(free, self._room(provider, own))


# @notice The legs of an account that is to be taken over.
@internal
@view
def _legs(account: uint256, bitmap: uint256) -> DynArray[Leg, MAX_LEGS]:
    legs: DynArray[Leg, MAX_LEGS] = []
    rest: uint256 = bitmap
    for i: uint256 in range(MAX_LEGS):
        if rest == 0:
            break
        market: uint256 = math._lowest_bit(rest)
        rest &= rest - 1
        legs.append(
            Leg(
                market=market,
                size=(staticcall POOL.position(account, market)).size,
                mark=(staticcall POOL.trading(market)).mark,
                schedule=staticcall POOL.schedule(market),
            )
        )
    return legs


# @notice Initial margin of a provider, were these legs its own: all others stay as they are.
@internal
@view
def _initial_with(
    provider: uint256, own: IMarginPool.Health, legs: DynArray[Leg, MAX_LEGS]
) -> int256:
    initial: int256 = convert(own.initial, int256)
    for leg: Leg in legs:
        held: IMarginPool.Position = staticcall POOL.position(provider, leg.market)
        before: uint256 = self._worst(held, held.size) * leg.mark
        after: uint256 = self._worst(held, held.size + leg.size) * leg.mark
        initial -= self._initial(before, held.leverage, leg.schedule)
        # It may grow into a tier for which the leverage that was chosen is too high.
        initial += max(
            self._initial(after, held.leverage, leg.schedule),
            self._initial(after, 0, leg.schedule),
        )
    return initial


# @notice Lots at risk if every order of the worse side were filled, as the pool counts them.
@internal
@pure
def _worst(held: IMarginPool.Position, size: int256) -> uint256:
    return max(
        math._magnitude(size + convert(held.resting_bids, int256)),
        math._magnitude(size - convert(held.resting_asks, int256)),
    )


@internal
@pure
def _initial(notional: uint256, chosen: uint256, schedule: uint256) -> int256:
    leverage: uint256 = chosen
    if leverage == 0:
        leverage = markets._max_leverage(schedule, notional)
    return convert(math._ceil_div(notional, leverage), int256)
