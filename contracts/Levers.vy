# pragma version 0.4.3
"""
@title Levers
@license MIT
@notice What a venue may change while it runs. See ILevers for the rules.
@dev To auto-deleveraging it is a policy that passes on to the one in force.
"""

from .interfaces import IAdlPolicy
from .interfaces import ILevers
from .interfaces import IMarginPool
from .modules import markets

implements: IAdlPolicy
implements: ILevers

MAX_POLICIES: constant(uint256) = 8
LEVERAGE_MASK: constant(uint256) = 255


# What is to be, and from when on; due 0 = nothing is announced.
struct Announcement:
    word: uint256
    due: uint256


POOL: immutable(IMarginPool)

# Who may announce; the rules bind it.
ADMIN: immutable(address)

# Seconds.
NOTICE: immutable(uint256)

# By market: the schedule that is announced.
schedules: HashMap[uint256, Announcement]

# Those that may come into force.
allowed: DynArray[IAdlPolicy, MAX_POLICIES]

# The one in force.
current: IAdlPolicy

# The place of the one that is announced.
following: Announcement


# @param policies The first is in force. None where the venue's auto-deleveraging has no queue.
@deploy
def __init__(pool: IMarginPool, notice: uint256, policies: DynArray[IAdlPolicy, MAX_POLICIES]):
    assert notice != 0, "levers: no notice"
    POOL = pool
    ADMIN = msg.sender
    NOTICE = notice
    self.allowed = policies
    if len(policies) != 0:
        self.current = policies[0]


# --- admin ---------------------------------------------------------------------------------


@external
def announce_maintenance(market: uint256, leverages: uint256[markets.MAX_TIERS]):
    self._check_admin()
    assert self.schedules[market].due == 0, "levers: notice is running"
    schedule: uint256 = staticcall POOL.schedule(market)
    assert schedule != 0, "levers: unknown market"
    tighter: uint256 = self._tightened(schedule, leverages)
    due: uint256 = block.timestamp + NOTICE
    self.schedules[market] = Announcement(word=tighter, due=due)
    extcall POOL.set_schedule(market, schedule, tighter)
    log ILevers.MaintenanceAnnounced(market=market, schedule=tighter, due=due)


@external
def lower_cap(market: uint256, cap: uint256):
    self._check_admin()
    seen: IMarginPool.Market = staticcall POOL.market(market)
    assert cap < seen.open_interest_cap, "levers: only ever tighter"
    extcall POOL.set_open_interest_cap(market, cap)
    log ILevers.CapLowered(market=market, cap=cap)


@external
def announce_policy(place: uint256):
    self._check_admin()
    assert self.following.due == 0, "levers: notice is running"
    assert place < len(self.allowed), "levers: no such policy"
    due: uint256 = block.timestamp + NOTICE
    self.following = Announcement(word=place, due=due)
    log ILevers.PolicyAnnounced(policy=self.allowed[place].address, due=due)


# --- anyone --------------------------------------------------------------------------------


@external
def raise_maintenance(market: uint256):
    told: Announcement = self.schedules[market]
    self._check_due(told)
    self.schedules[market] = empty(Announcement)
    extcall POOL.set_schedule(market, told.word, told.word)
    log ILevers.MaintenanceRaised(market=market, schedule=told.word)


@external
def switch_policy():
    told: Announcement = self.following
    self._check_due(told)
    self.following = empty(Announcement)
    self.current = self.allowed[told.word]
    log ILevers.PolicySwitched(policy=self.current.address)


# --- views ---------------------------------------------------------------------------------


@external
@view
def scores(
    side: IAdlPolicy.Side, found: DynArray[IMarginPool.Candidate, 32]
) -> DynArray[uint256, 32]:
    return staticcall self.current.scores(side, found)


@external
@view
def notice() -> uint256:
    return NOTICE


@external
@view
def announced(market: uint256) -> (uint256, uint256):
    return self.schedules[market].word, self.schedules[market].due


@external
@view
def next_policy() -> (address, uint256):
    if self.following.due == 0:
        return empty(address), 0
    return self.allowed[self.following.word].address, self.following.due


@external
@view
def policy() -> address:
    return self.current.address


@external
@view
def policies() -> DynArray[IAdlPolicy, MAX_POLICIES]:
    return self.allowed


# --- internals -----------------------------------------------------------------------------


@internal
@view
def _check_admin():
    assert msg.sender == ADMIN, "levers: not the admin"


# @notice Refuse what was not announced in time, and to change the rules of a deleveraging at work.
@internal
@view
def _check_due(told: Announcement):
    assert told.due != 0, "levers: nothing announced"
    assert block.timestamp >= told.due, "levers: notice is running"
    # Held for as long as any ranking outlives its transaction.
    assert not (staticcall POOL.solvency()).seniority_held, "levers: deleveraging at work"


# @notice A schedule with lower leverages at the same bounds: margin at most doubles, whatever the notional.
@internal
@pure
def _tightened(schedule: uint256, leverages: uint256[markets.MAX_TIERS]) -> uint256:
    tighter: uint256 = schedule
    ceiling: uint256 = markets.MAX_LEVERAGE + 1
    for i: uint256 in range(markets.MAX_TIERS):
        lower: uint256 = 0
        standing: uint256 = 0
        lower, standing = markets._tier(schedule, i)
        leverage: uint256 = leverages[i]
        assert leverage <= standing, "levers: only ever tighter"
        assert 2 * leverage >= standing, "levers: step too large"
        if standing != 0:
            assert leverage < ceiling, "levers: leverages must fall"
            ceiling = leverage
        tighter ^= (standing ^ leverage) << (48 * i + 40)
    assert tighter != schedule, "levers: only ever tighter"
    return tighter
