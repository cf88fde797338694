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
from .modules import insurance
from .modules import math
from .modules import require

implements: IAdlIndex

initializes: insurance

# Legs that one call closes: up to ~330k gas each, cold, where the fund pays for each of them.
MAX_LEGS: constant(uint256) = 32
PPM: constant(uint256) = 10**6
# The pool's account of fees, and of what no layer could take.
FEES: constant(uint256) = 1
DEFICIT: constant(uint256) = 2
NOBODY: constant(uint256) = 0

# Who takes the lots of losers.
BACKSTOP: immutable(IBackstop)

# The venue's rules.
RULES: immutable(IAdlIndex.Rules)

# By market << 1 | longs: epoch << 128 | quote that a lot has been charged in it
charged: HashMap[uint256, uint256]


# A position of the loser.
struct Leg:
    market: uint256
    size: int256
    maintenance: uint256


# @param fund The insurance fund; the empty address = none.
@deploy
def __init__(pool: IMarginPool, fund: IInsuranceFund, backstop: IBackstop, rules: IAdlIndex.Rules):
    assert 0 < rules.most and rules.most <= PPM, "adl: bad rules"
    insurance.__init__(pool, fund)
    BACKSTOP = backstop
    RULES = rules


# --- anyone --------------------------------------------------------------------------------


@external
def close(loser: uint256):
    health: IMarginPool.Health = staticcall insurance.POOL.health(loser)
    require._that(self._is_due(loser, health), "adl: account is not below zero")
    require._that(health.stale_notional == 0, "adl: stale mark")
    legs: DynArray[Leg, MAX_LEGS] = self._legs(loser, health.legs)
    backstop: uint256 = staticcall BACKSTOP.backstop_for(loser)
    owed: uint256 = math._magnitude(health.equity)
    paid: uint256 = 0
    borne: uint256 = 0
    paid, borne = self._socialize(loser, backstop, legs, owed)
    if backstop not in [NOBODY, loser]:
        for leg: Leg in legs:
            self._hand_over(loser, backstop, leg)
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


# @notice Whether the venue's rules have an account closed now.
@internal
@view
def _is_due(account: uint256, health: IMarginPool.Health) -> bool:
    if health.equity >= 0 or account == DEFICIT:
        return False
    if RULES.delay == 0:
        return True
    since: uint256 = staticcall RULES.liquidator.due_since(account)
    return since != 0 and block.number >= since + RULES.delay


# @param bitmap Of the account's markets.
@internal
@view
def _legs(account: uint256, bitmap: uint256) -> DynArray[Leg, MAX_LEGS]:
    legs: DynArray[Leg, MAX_LEGS] = []
    rest: uint256 = self._page(bitmap)
    for i: uint256 in range(MAX_LEGS):
        if rest == 0:
            break
        market: uint256 = math._lowest_bit(rest)
        rest &= rest - 1
        held: IMarginPool.Position = staticcall insurance.POOL.position(account, market)
        require._that(held.resting_bids | held.resting_asks == 0, "adl: cancel its orders first")
        legs.append(Leg(market=market, size=held.size, maintenance=held.maintenance))
    return legs


# @notice The legs that are closed now: all. Of more than a call may have, which only the protocol can hold, those of one
#         of eight pages of markets; the epoch says of which, and no caller.
@internal
@view
def _page(bitmap: uint256) -> uint256:
    if math._count_bits(bitmap) <= MAX_LEGS:
        return bitmap
    page: uint256 = (staticcall insurance.POOL.epoch()) % 8
    return bitmap & (2**MAX_LEGS - 1) << (MAX_LEGS * page)


# @notice Have the fund, then the holders of each market, bear its share of what the loser owes.
# @return What the fund has paid, and what holders were charged.
@internal
def _socialize(
    loser: uint256, backstop: uint256, legs: DynArray[Leg, MAX_LEGS], owed: uint256
) -> (uint256, uint256):
    weight: uint256 = 0
    for leg: Leg in legs:
        weight += leg.maintenance
    left: uint256 = owed
    paid: uint256 = 0
    borne: uint256 = 0
    for i: uint256 in range(len(legs), bound=MAX_LEGS):
        due: uint256 = left
        if i + 1 != len(legs):
            due = owed * legs[i].maintenance // weight
        left -= due
        covered: uint256 = insurance._cover(loser, legs[i].market, due)
        paid += covered
        borne += self._charge(loser, backstop, legs[i], due - covered)
    return paid, borne


# @notice Charge each lot of a market the same for what the loser owes there. In the pool the loser's own lots are charged
#         with their side; it is who gets the charge, so that they bear nothing.
# @dev What is asked of the pool is a whole multiple of the open interest: nothing is rounded there.
# @return What holders bear of it.
@internal
def _charge(loser: uint256, backstop: uint256, leg: Leg, due: uint256) -> uint256:
    gainers: bool = leg.size < 0  # whether they are long
    seen: IMarginPool.Market = staticcall insurance.POOL.market(leg.market)
    units: uint256 = seen.open_interest
    exempt: uint256 = 0
    if RULES.both_sides:
        exempt = self._lots_of(backstop, loser, leg.market)
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
def _lots_of(backstop: uint256, loser: uint256, market: uint256) -> uint256:
    if backstop in [NOBODY, loser]:
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


@internal
def _hand_over(loser: uint256, backstop: uint256, leg: Leg):
    lots: uint256 = math._magnitude(leg.size)
    mark: uint256 = (staticcall insurance.POOL.trading(leg.market)).mark
    buyer: uint256 = backstop if leg.size > 0 else loser
    seller: uint256 = loser if leg.size > 0 else backstop
    extcall insurance.POOL.exchange(leg.market, buyer, seller, lots, convert(lots * mark, int256))
