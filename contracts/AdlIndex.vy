# pragma version 0.4.3
"""
@title AdlIndex
@license MIT
@notice Auto-deleveraging through an index of charges: no queue, no scan. See IAdlIndex.
@dev Who pays is who holds at the moment of the call. Lots are neither made nor lost by trading, so that whoever sells
     them before a charge leaves it to the buyer, and what the charge raises stays the same.
"""

from .interfaces import IAdlIndex
from .interfaces import IBackstop
from .interfaces import IInsuranceFund
from .interfaces import IMarginPool
from .modules import debtors
from .modules import insurance
from .modules import math
from .modules import require

implements: IAdlIndex

initializes: insurance
initializes: debtors[insurance := insurance]

PPM: constant(uint256) = 10**6
# The pool's account of fees.
FEES: constant(uint256) = 1

# The venue's rules.
RULES: immutable(IAdlIndex.Rules)

# By market << 1 | longs: epoch << 128 | quote that a lot has been charged in it
charged: HashMap[uint256, uint256]


# @param fund The insurance fund; the empty address = none.
@deploy
def __init__(pool: IMarginPool, fund: IInsuranceFund, backstop: IBackstop, rules: IAdlIndex.Rules):
    assert 0 < rules.most and rules.most <= PPM, "adl: bad rules"
    insurance.__init__(pool, fund)
    debtors.__init__(backstop, rules.delay, rules.liquidator)
    RULES = rules


# --- anyone --------------------------------------------------------------------------------


@external
def close(loser: uint256):
    health: IMarginPool.Health = staticcall insurance.POOL.health(loser)
    require._that(debtors._is_due(loser, health), "adl: account is not below zero")
    require._that(health.stale_notional == 0, "adl: stale mark")
    legs: DynArray[debtors.Leg, debtors.MAX_LEGS] = debtors._legs(loser, debtors._page(health.legs))
    taker: uint256 = debtors._taker_of(loser)
    owed: uint256 = math._magnitude(health.equity)
    paid: uint256 = 0
    borne: uint256 = 0
    paid, borne = self._socialize(loser, taker, legs, owed)
    debtors._hand_over(loser, taker, legs)
    left: uint256 = owed - paid - borne
    if left != 0 and staticcall insurance.POOL.legs_of(loser) == 0:
        extcall insurance.POOL.write_off(loser)
    log IAdlIndex.Socialized(account=loser, owed=owed, covered=paid, charged=borne, left=left)


# --- views ---------------------------------------------------------------------------------


@external
@view
def room(market: uint256, longs: bool) -> uint256:
    return self._room(market, longs, (staticcall insurance.POOL.market(market)).mark)


@external
@view
def rules() -> IAdlIndex.Rules:
    return RULES


# --- internals -----------------------------------------------------------------------------


# @notice Have the fund, then the holders of each market, bear its share of what the loser owes.
# @return What the fund has paid, and what holders were charged.
@internal
def _socialize(
    loser: uint256, taker: uint256, legs: DynArray[debtors.Leg, debtors.MAX_LEGS], owed: uint256
) -> (uint256, uint256):
    shares: DynArray[uint256, debtors.MAX_LEGS] = debtors._shares(owed, legs)
    paid: uint256 = 0
    borne: uint256 = 0
    for i: uint256 in range(len(legs), bound=debtors.MAX_LEGS):
        covered: uint256 = insurance._cover(loser, legs[i].market, shares[i])
        paid += covered
        borne += self._charge(loser, taker, legs[i], shares[i] - covered)
    return paid, borne


# @notice Charge each lot of a market the same for what the loser owes there. In the pool the loser's own lots are charged
#         with their side; it is who gets the charge, so that they bear nothing.
# @dev What is asked of the pool is a whole multiple of the open interest: nothing is rounded there.
# @return What holders bear of it.
@internal
def _charge(loser: uint256, backstop: uint256, leg: debtors.Leg, due: uint256) -> uint256:
    gainers: bool = leg.size < 0  # whether they are long
    seen: IMarginPool.Market = staticcall insurance.POOL.market(leg.market)
    units: uint256 = seen.open_interest
    exempt: uint256 = 0
    if RULES.both_sides:
        exempt = self._lots_of(backstop, leg.market)
        units = 2 * units - math._magnitude(leg.size) - exempt
    if units == 0:
        return 0
    # Where both sides are charged they always were alike: either tells the room.
    per_lot: uint256 = min(math._ceil_div(due, units), self._room(leg.market, gainers, seen.mark))
    if per_lot == 0:
        return 0
    self._charge_side(loser, leg.market, gainers, per_lot, seen.open_interest)
    if RULES.both_sides:
        self._charge_side(loser, leg.market, not gainers, per_lot, seen.open_interest)
    if exempt != 0:
        amount: uint256 = per_lot * exempt
        extcall insurance.POOL.pay(loser, backstop, amount)
        log IAdlIndex.Exempted(market=leg.market, account=loser, backstop=backstop, amount=amount)
    raised: uint256 = per_lot * units
    if raised > due:
        extcall insurance.POOL.pay(loser, FEES, raised - due)
    return min(raised, due)


@internal
def _charge_side(loser: uint256, market: uint256, longs: bool, per_lot: uint256, lots: uint256):
    charged: uint256 = self._charged(market, longs) + per_lot
    self.charged[self._side(market, longs)] = staticcall insurance.POOL.epoch() << 128 | charged
    extcall insurance.POOL.socialize(market, longs, loser, per_lot * lots)
    log IAdlIndex.Charged(market=market, longs=longs, account=loser, per_lot=per_lot, lots=lots)


# @notice Lots of the backstop in a market; none where it is the loser or where there is no backstop.
@internal
@view
def _lots_of(backstop: uint256, market: uint256) -> uint256:
    if backstop == debtors.NOBODY:
        return 0
    return math._magnitude((staticcall insurance.POOL.position(backstop, market)).size)


# @notice What a lot may still be charged in this epoch.
# @dev A charge of an epoch is below 2**80, as the mark is. Stored quote has room for all charges of 2**24 such epochs:
#      sizes are below 2**54 lots, and 2**158 fits.
@internal
@view
def _room(market: uint256, longs: bool, mark: uint256) -> uint256:
    most: uint256 = mark * RULES.most // PPM
    return most - min(most, self._charged(market, longs))


# @notice What a lot has been charged in this epoch.
@internal
@view
def _charged(market: uint256, longs: bool) -> uint256:
    word: uint256 = self.charged[self._side(market, longs)]
    return word & (2**128 - 1) if word >> 128 == staticcall insurance.POOL.epoch() else 0


@internal
@pure
def _side(market: uint256, longs: bool) -> uint256:
    return market << 1 | convert(longs, uint256)
