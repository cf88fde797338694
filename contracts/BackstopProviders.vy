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
from .modules import capacity
from .modules import math

implements: IBackstop
implements: IBackstopProviders

initializes: capacity

# Weighed in each takeover, ~200k gas each, cold, with the eight legs of an account of eight: what the dearest
# liquidation leaves of a transaction is not more than this.
MAX_PROVIDERS: constant(uint256) = 4
MAX_LIMIT: constant(uint256) = 2**128
NOBODY: constant(uint256) = max_value(uint256)

POOL: immutable(IMarginPool)

# What a newcomer must be able to take at least, quote.
least: public(immutable(uint256))

# Those who stand behind the book; the order means nothing.
providers: DynArray[IBackstopProviders.Pledge, MAX_PROVIDERS]


@deploy
def __init__(pool: IMarginPool, least_strength: uint256):
    POOL = pool
    capacity.__init__(pool)
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
    legs: DynArray[capacity.Leg, capacity.MAX_LEGS] = capacity._legs(account, taken.legs)
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
        if math._count_bits(own.legs | taken.legs) > capacity.MAX_LEGS or own.stale_notional != 0:
            continue
        if own.equity >= capacity._initial_with(provider.account, own, legs):
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
