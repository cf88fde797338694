# pragma version 0.4.3
"""
@title MarginPool
@license MIT
@notice Margin accounts, positions and the verbs that move value. See IMarginPool for units, signs
        and errors, and docs/architecture.md for who calls what.
@dev No lock against re-entrance is needed: the pool calls nobody.
"""

from .interfaces import IMarginPool
from .modules import accounts
from .modules import clock
from .modules import ledger
from .modules import margin
from .modules import markets
from .modules import math
from .modules import positions
from .modules import require
from .modules import roles
from .modules import trades

implements: IMarginPool

initializes: roles
initializes: clock
initializes: markets
initializes: positions
initializes: accounts[clock := clock]
initializes: margin[accounts := accounts, markets := markets, positions := positions]
initializes: ledger[
    accounts := accounts, margin := margin, markets := markets, positions := positions
]
initializes: trades[
    accounts := accounts,
    ledger := ledger,
    margin := margin,
    markets := markets,
    positions := positions,
]

# Candidates weighed in one call: 32 of ~6k gas, cold, for one-market accounts.
MAX_CANDIDATES: constant(uint256) = 32
# Markets brought into an epoch by one call: ~20k gas each.
MAX_UPDATES: constant(uint256) = 64

# Quote per unit of the 6-decimal collateral.
UNIT: constant(uint256) = 10**12

# Units of collateral counted in and not yet out.
custody: uint256

# When the standing deficit was first written.
deficit_at: uint256


@deploy
def __init__(taker_fee: uint256, maker_fee: uint256, band: uint256):
    roles.__init__()
    clock.__init__()
    trades.__init__(taker_fee, maker_fee, band)
    accounts._open(msg.sender, 0, accounts.PROTOCOL)
    accounts._open(empty(address), 0, accounts.PROTOCOL)


# --- admin ---------------------------------------------------------------------------------


@external
def grant(role: uint256, engine: address):
    roles._grant(role, engine)


@external
def list_market(config: IMarginPool.MarketConfig) -> uint256:
    roles._check_admin()
    return markets._list(config)


# --- owners of accounts --------------------------------------------------------------------


@external
def open_account() -> uint256:
    return accounts._open(msg.sender, 0, 0)


@external
def open_isolated_account(market: uint256) -> uint256:
    markets._check_listed(market)
    return accounts._open(msg.sender, market + 1, accounts.ISOLATED)


@external
def transfer(source: uint256, target: uint256, amount: uint256):
    accounts._check_owner(source, msg.sender)
    accounts._check_owner(target, msg.sender)
    # 2**200 is more than anyone has: beyond it the check itself would overflow.
    margin._check_covered(source, min(amount, 2**200), margin.WITHDRAWAL_SHARE)
    if not accounts._is_senior(source):
        # Cash that flat accounts claim is not for others to move, though the loss be still to come.
        claimed: int256 = accounts.flat_quote - accounts.junior_quote + convert(amount, int256)
        calm: bool = accounts._deficit() == 0 and not clock._held()
        require._that(
            calm and claimed <= convert(self.custody * UNIT, int256), "pool: deficit stands"
        )
    ledger._move(source, target, amount)


@external
def set_leverage(account: uint256, market: uint256, leverage: uint256):
    accounts._check_owner(account, msg.sender)
    seen: markets.View = markets._view(market)
    held: positions.Held = positions._load(account, market)
    held.leverage = leverage
    leg: margin.Leg = margin._leg_of(account, market, held, True)
    require._that(
        leverage != 0 and margin._leverage_allowed(seen, leg), "pool: leverage not allowed"
    )
    positions._store(account, market, held)
    if margin._worst_lots(leg) != 0:
        margin._check_covered(account, 0, 0)
    log IMarginPool.LeverageSet(account=account, market=market, leverage=leverage)


# --- engine: custody -----------------------------------------------------------------------


@external
def credit(caller: address, account: uint256, units: uint256):
    roles._check(roles.CUSTODY)
    if account != accounts.DEFICIT:
        accounts._check_owner(account, caller)
    self.custody += units
    accounts._credit(account, convert(units * UNIT, int256))


@external
def debit(account: uint256, units: uint256, paid: uint256):
    roles._check(roles.CUSTODY)
    amount: uint256 = units * UNIT
    margin._check_covered(account, amount, margin.WITHDRAWAL_SHARE)
    accounts._credit(account, -convert(amount, int256))
    self.custody -= paid
    if paid != units:
        accounts._credit(accounts.DEFICIT, convert((units - paid) * UNIT, int256))


# --- engine: order book --------------------------------------------------------------------


@external
def rest(account: uint256, market: uint256, bid_lots: int256, ask_lots: int256):
    roles._check(roles.BOOK)
    bids: uint256 = 0
    asks: uint256 = 0
    bids, asks = positions._resting(account, market)
    bids = self._moved(bids, bid_lots)
    asks = self._moved(asks, ask_lots)
    positions.resting[account][market] = bids << 128 | asks
    grows: bool = bid_lots > 0 or ask_lots > 0
    # While a shrinking leg stays, nothing else depends on its lots.
    if grows or bids | asks == 0:
        held: positions.Held = positions._load(account, market)
        before: accounts.Account = accounts._load(account)
        after: accounts.Account = before
        after.legs = ledger._with_leg(before.legs, market, held.size != 0 or bids | asks != 0)
        if after.legs != before.legs:
            accounts._save(account, before, after)
        if grows:
            leg: margin.Leg = margin.Leg(
                market=market, size=held.size, bids=bids, asks=asks, leverage=held.leverage
            )
            self._check_resting(account, before, leg)


@external
def fill(match: IMarginPool.Fill) -> uint256:
    roles._check(roles.BOOK)
    return trades._fill(match)


# --- engines: liquidator and auto-deleveraging ---------------------------------------------


@external
def exchange(market: uint256, buyer: uint256, seller: uint256, lots: uint256, quote: int256):
    held: uint256 = roles._check(roles.LIQUIDATOR | roles.ADL)
    if held & roles.ADL == 0:
        markets._check_unlocked(markets._view(market))
    ledger._exchange(market, buyer, seller, lots, quote)


@external
def pay(source: uint256, target: uint256, amount: uint256):
    roles._check(roles.LIQUIDATOR | roles.ADL)
    ledger._pay(source, target, amount)


@external
def socialize(market: uint256, longs: bool, target: uint256, amount: uint256):
    roles._check(roles.LIQUIDATOR | roles.ADL)
    ledger._socialize(market, longs, target, amount)


@external
def write_off(account: uint256):
    roles._check(roles.LIQUIDATOR | roles.ADL)
    if accounts._deficit() == 0:
        self.deficit_at = block.timestamp
    ledger._write_off(account)


@external
def lock_market(market: uint256, locked: bool):
    roles._check(roles.ADL)
    markets._set_flag(market, markets.LOCKED, locked)


@external
def hold_seniority(held: bool):
    roles._check(roles.ADL)
    clock._hold(held)


# --- engine: vault -------------------------------------------------------------------------


@external
def open_protocol_account() -> uint256:
    roles._check(roles.VAULT | roles.FUND)
    return accounts._open(msg.sender, 0, accounts.PROTOCOL)


# --- engine: oracle ------------------------------------------------------------------------


@external
def advance(updates: DynArray[IMarginPool.Update, MAX_UPDATES]):
    roles._check(roles.ORACLE)
    epoch: uint256 = 0
    moved: bool = False
    epoch, moved = clock._tick(accounts._deficit() != 0)
    if moved:
        accounts.junior_quote = 0
    for i: uint256 in range(len(updates), bound=MAX_UPDATES):
        markets._advance(updates[i], epoch)


# --- engine: levers ------------------------------------------------------------------------


@external
def set_schedule(market: uint256, schedule: uint256, entry: uint256):
    roles._check(roles.LEVERS)
    markets._set_schedule(market, schedule, entry)


@external
def set_open_interest_cap(market: uint256, cap: uint256):
    roles._check(roles.LEVERS)
    markets._set_open_interest_cap(market, cap)


# --- views ---------------------------------------------------------------------------------


@external
@view
def epoch() -> uint256:
    return clock._epoch()


@external
@view
def account_count() -> uint256:
    return accounts.count


@external
@view
def market_count() -> uint256:
    return markets.count


@external
@view
def solvency() -> IMarginPool.Solvency:
    return IMarginPool.Solvency(
        custody=self.custody,
        deficit=accounts._deficit(),
        deficit_at=self.deficit_at,
        flat_quote=accounts.flat_quote,
        junior_quote=accounts.junior_quote,
        seniority_held=clock._held(),
    )


@external
@view
def is_senior(account: uint256) -> bool:
    return accounts._is_senior(account)


@external
@view
def pot(market: uint256) -> int256:
    return markets._pot(market)


@external
@view
def owner_of(account: uint256) -> address:
    return accounts._owner(account)


@external
@view
def legs_of(account: uint256) -> uint256:
    return accounts._load(account).legs


@external
@view
def health(account: uint256) -> IMarginPool.Health:
    return margin._health(account)


@external
@view
def position(account: uint256, market: uint256) -> IMarginPool.Position:
    held: positions.Held = positions._load(account, market)
    leg: margin.Leg = margin._leg(account, market)
    seen: markets.View = markets._view(market)
    return IMarginPool.Position(
        size=held.size,
        cost=held.cost,
        leverage=held.leverage,
        birth=held.birth,
        place=held.place,
        resting_bids=leg.bids,
        resting_asks=leg.asks,
        maintenance=markets._maintenance(seen.schedule, math._magnitude(held.size) * seen.mark),
    )


@external
@view
def market(market: uint256) -> IMarginPool.Market:
    return markets._describe(market, clock._epoch())


@external
@view
def trading(market: uint256) -> IMarginPool.Trading:
    return markets._trading(market)


@external
@view
def schedule(market: uint256) -> uint256:
    return markets.schedules[market]


@external
@view
def holder_count(market: uint256, longs: bool) -> uint256:
    return positions._length(market, longs)


@external
@view
def candidates(
    market: uint256, longs: bool, start: uint256, count: uint256, mark: uint256, funding: int256
) -> DynArray[IMarginPool.Candidate, MAX_CANDIDATES]:
    found: DynArray[IMarginPool.Candidate, MAX_CANDIDATES] = []
    end: uint256 = min(start + min(count, MAX_CANDIDATES), positions._length(market, longs))
    if start >= end:
        return found
    at: markets.View = markets._view(market)
    at.mark = mark
    at.funding = funding
    for i: uint256 in range(end - start, bound=MAX_CANDIDATES):
        holder: uint256 = positions._holder(market, longs, start + i)
        if holder != 0:
            found.append(margin._candidate(market, holder, at))
    return found


@external
@view
def words(account: uint256, market: uint256) -> IMarginPool.Words:
    return IMarginPool.Words(
        account=accounts.words[account],
        high_legs=accounts.high_legs[account],
        owner=accounts.owners[account],
        position=positions.words[account][market],
        resting=positions.resting[account][market],
    )


@external
@view
def role_holder(role: uint256) -> address:
    return roles.holders[role]


@external
@view
def fees() -> (uint256, uint256, uint256):
    return trades.TAKER_FEE, trades.MAKER_FEE, trades.BAND


# --- internals -----------------------------------------------------------------------------


@internal
@pure
def _moved(lots: uint256, by: int256) -> uint256:
    moved: int256 = convert(lots, int256) + by
    require._that(moved >= 0 and moved < 2**54, "pool: size too large")
    return convert(moved, uint256)


# @notice What growing one's resting orders takes: an open market, a place for the leg, margin.
@internal
@view
def _check_resting(account: uint256, before: accounts.Account, leg: margin.Leg):
    seen: markets.View = markets._view(leg.market)
    markets._check_unlocked(seen)
    require._that(
        trades._may_hold(account, before, leg.market, seen), "pool: market not for account"
    )
    require._that(margin._leverage_allowed(seen, leg), "pool: leverage not allowed")
    margin._check_health(margin._weigh(account, before, seen, leg, False), 0, 0)
