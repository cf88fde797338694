# pragma version 0.4.3
"""
@title ledger
@license MIT
@notice The verbs that move value inside the pool. Each writes equal and opposite amounts: lots one
        way and quote the other (exchange), or quote alone (pay).
@dev Who may use them, and whether an account can afford it, is decided by the callers.
"""

from ..interfaces import IMarginPool
from . import accounts
from . import margin
from . import markets
from . import math
from . import positions
from . import require

uses: accounts
uses: margin
uses: markets
uses: positions


# What a trade makes of one account's leg.
struct Change:
    size: int256
    cost: int256
    stored: int256


# One side of a trade: the account as it is, what the trade makes of it, and the leg after it.
struct Side:
    account: uint256
    a: accounts.Account
    held: positions.Held
    change: Change
    leg: margin.Leg


# @notice `lots` (signed, bought > 0) come in and `quote` (of the same sign, as a rule) goes out.
# @dev Funding as a price shift: stored s = q + sum(n * F), so that a trade of d lots at value v does
#      s -= v - d * F and no holder needs a snapshot of F.
@internal
@view
def _change(
    market: uint256,
    seen: markets.View,
    stored: int256,
    held: positions.Held,
    lots: int256,
    quote: int256,
) -> Change:
    size: int256 = held.size + lots
    change: Change = Change(
        size=size,
        cost=self._cost(held, lots, quote, seen.funding),
        stored=stored - quote + lots * seen.funding,
    )
    if seen.flags & markets.CHARGED != 0:
        change.stored += markets._charge(market, size) - markets._charge(market, held.size)
    return change


# @notice The cost of a position after a trade, rounded so that profit is never overstated.
@internal
@pure
def _cost(held: positions.Held, lots: int256, quote: int256, funding: int256) -> int256:
    if held.size == 0 or (held.size > 0) == (lots > 0):
        return held.cost + quote - lots * funding
    own: uint256 = math._magnitude(held.size)
    traded: uint256 = math._magnitude(lots)
    if traded <= own:
        taken_out: int256 = math._floor_div_signed(held.cost * convert(traded, int256), own)
        return held.cost - taken_out
    # The position is closed whole, for its share of the quote; the rest opens the other side.
    share: int256 = math._floor_div_signed(quote * convert(own, int256), traded)
    return quote - share - (held.size + lots) * funding


# @notice Lots from seller to buyer, quote from buyer to seller.
@internal
def _exchange(market: uint256, buyer: uint256, seller: uint256, lots: uint256, quote: int256):
    accounts._check_distinct(buyer, seller)
    require._that(lots != 0, "pool: zero lots")
    seen: markets.View = markets._view(market)
    signed: int256 = convert(lots, int256)
    bought: Side = self._side(market, seen, buyer, signed, quote)
    self._commit(seen, bought)
    sold: Side = self._side(market, seen, seller, -signed, -quote)
    self._commit(seen, sold)
    markets._grow_open_interest(market, self._longs(bought) + self._longs(sold))
    log IMarginPool.Exchanged(market=market, buyer=buyer, seller=seller, lots=lots, quote=quote)


@internal
@view
def _side(
    market: uint256, seen: markets.View, account: uint256, lots: int256, quote: int256
) -> Side:
    a: accounts.Account = accounts._load(account)
    held: positions.Held = positions._load(account, market)
    live: bool = accounts._has_leg(a, market)
    side: Side = Side(
        account=account,
        a=a,
        held=held,
        change=self._change(market, seen, a.stored, held, lots, quote),
        leg=margin._leg_of(account, market, held, live),
    )
    side.leg.size = side.change.size
    return side


# @notice By how much the longs of the market grow through a side.
# @dev Neither part is below zero: nothing wraps.
@internal
@pure
def _longs(side: Side) -> int256:
    return unsafe_sub(max(side.change.size, 0), max(side.held.size, 0))


# @notice Write one side of a trade.
@internal
def _commit(seen: markets.View, side: Side):
    market: uint256 = side.leg.market
    after: accounts.Account = side.a
    after.stored = side.change.stored
    present: bool = side.change.size != 0 or side.leg.bids | side.leg.asks != 0
    after.legs = self._with_leg(side.a.legs, market, present)
    positions._change(side.account, market, side.held, side.change.size, side.change.cost)
    accounts._save(side.account, side.a, after)
    if seen.flags & markets.CHARGED != 0:
        markets.pots[market] -= markets._charge(market, side.change.size) - markets._charge(
            market, side.held.size
        )


@internal
@pure
def _with_leg(legs: uint256, market: uint256, present: bool) -> uint256:
    if present:
        return legs | 1 << market
    return legs & ~(1 << market)


# @notice Quote from source to target. A trader's account that has been flat since before this
#         epoch never pays for what happens to others.
@internal
def _pay(source: uint256, target: uint256, amount: uint256):
    require._that(not accounts._is_senior(source), "pool: flat account never pays")
    self._move(source, target, amount)


@internal
def _move(source: uint256, target: uint256, amount: uint256):
    accounts._check_distinct(source, target)
    signed: int256 = convert(amount, int256)
    accounts._credit(source, -signed)
    accounts._credit(target, signed)
    log IMarginPool.Paid(source=source, target=target, amount=amount)


# @notice Charge `amount` to all holders of a side, per lot, and pay it to `target`.
# @dev The charge per lot is rounded up; what that raises beyond `amount` stays in the pot.
@internal
def _socialize(market: uint256, longs: bool, target: uint256, amount: uint256):
    open_interest: uint256 = markets._open_interest(market)
    require._that(open_interest != 0, "pool: nobody to charge")
    markets._set_flag(market, markets.CHARGED, True)
    side: uint256 = 0 if longs else 1
    markets.charges[market][side] += math._ceil_div(amount, open_interest)
    signed: int256 = convert(amount, int256)
    markets.pots[market] -= signed
    accounts._credit(target, signed)


# @notice What a flat account owes becomes a loss: of the fee account first, then the deficit.
@internal
def _write_off(account: uint256):
    a: accounts.Account = accounts._load(account)
    require._that(a.legs == 0, "pool: account is not flat")
    require._that(a.stored < 0 and account != accounts.DEFICIT, "pool: nothing to write off")
    loss: uint256 = convert(-a.stored, uint256)
    fees: uint256 = math._positive(accounts._load(accounts.FEES).stored)
    from_fees: uint256 = min(loss, fees)
    if from_fees != 0:
        self._pay(accounts.FEES, account, from_fees)
    if loss != from_fees:
        self._pay(accounts.DEFICIT, account, loss - from_fees)
    log IMarginPool.DeficitWritten(
        account=account, loss=loss, from_fees=from_fees, deficit=accounts._deficit()
    )
