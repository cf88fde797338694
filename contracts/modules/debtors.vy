# pragma version 0.4.3
"""
@title debtors
@license MIT
@notice Accounts below zero that are closed against nobody, what they owe being borne by others: when they are due,
        what they owe in each market, and who takes their lots.
"""

from ..interfaces import IBackstop
from ..interfaces import ILiquidator
from ..interfaces import IMarginPool
from . import insurance
from . import math
from . import require

uses: insurance

# Legs that one call closes: up to ~330k gas each, cold, where the fund pays for each of them.
MAX_LEGS: constant(uint256) = 32
# The pool's account of what no layer could take.
DEFICIT: constant(uint256) = 2
NOBODY: constant(uint256) = 0

# Who takes the lots of losers.
BACKSTOP: immutable(IBackstop)

# Blocks between the first finding and the closing.
DELAY: immutable(uint256)

# Asked for the delay.
LIQUIDATOR: immutable(ILiquidator)


# A position of the loser.
struct Leg:
    market: uint256
    size: int256
    maintenance: uint256


@deploy
def __init__(backstop: IBackstop, delay: uint256, liquidator: ILiquidator):
    BACKSTOP = backstop
    DELAY = delay
    LIQUIDATOR = liquidator


# @notice Whether the venue's rules have an account closed now.
@internal
@view
def _is_due(account: uint256, health: IMarginPool.Health) -> bool:
    if health.equity >= 0 or account == DEFICIT:
        return False
    if DELAY == 0:
        return True
    since: uint256 = staticcall LIQUIDATOR.due_since(account)
    return since != 0 and block.number >= since + DELAY


# @notice The legs that are closed now: all. Of more than a call may have, which only the protocol can hold, those of one
#         of eight pages of markets; the epoch says of which, and no caller.
# @param bitmap Of the account's markets.
@internal
@view
def _page(bitmap: uint256) -> uint256:
    if math._count_bits(bitmap) <= MAX_LEGS:
        return bitmap
    page: uint256 = (staticcall insurance.POOL.epoch()) % 8
    return bitmap & (2**MAX_LEGS - 1) << (MAX_LEGS * page)


# @param bitmap Of at most MAX_LEGS of its markets.
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
        held: IMarginPool.Position = staticcall insurance.POOL.position(account, market)
        require._that(held.resting_bids | held.resting_asks == 0, "adl: cancel its orders first")
        legs.append(Leg(market=market, size=held.size, maintenance=held.maintenance))
    return legs


# @notice What an account owes, shared over its legs by maintenance; rounded down, the last one takes the rest.
@internal
@pure
def _shares(owed: uint256, legs: DynArray[Leg, MAX_LEGS]) -> DynArray[uint256, MAX_LEGS]:
    weight: uint256 = 0
    for leg: Leg in legs:
        weight += leg.maintenance
    left: uint256 = owed
    shares: DynArray[uint256, MAX_LEGS] = []
    for i: uint256 in range(len(legs), bound=MAX_LEGS):
        due: uint256 = left
        if i + 1 != len(legs):
            due = owed * legs[i].maintenance // weight
        left -= due
        shares.append(due)
    return shares


# @notice Who takes the lots of a loser; NOBODY = it keeps them.
@internal
@view
def _taker_of(loser: uint256) -> uint256:
    backstop: uint256 = staticcall BACKSTOP.backstop_for(loser)
    return NOBODY if backstop == loser else backstop


# @notice Have a loser's lots pass at mark, which moves nobody's equity.
# @param taker NOBODY = it keeps them.
@internal
def _hand_over(loser: uint256, taker: uint256, legs: DynArray[Leg, MAX_LEGS]):
    if taker == NOBODY:
        return
    for leg: Leg in legs:
        lots: uint256 = math._magnitude(leg.size)
        mark: uint256 = (staticcall insurance.POOL.trading(leg.market)).mark
        buyer: uint256 = taker if leg.size > 0 else loser
        seller: uint256 = loser if leg.size > 0 else taker
        extcall insurance.POOL.exchange(
            leg.market, buyer, seller, lots, convert(lots * mark, int256)
        )
