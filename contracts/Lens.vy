# pragma version 0.4.3
"""
@title Lens
@license MIT
@notice Reads the venue for people and programs. See ILens.
"""

from .interfaces import IAdl
from .interfaces import IAdlPolicy
from .interfaces import ILens
from .interfaces import IMarginPool
from .interfaces import IOrderBook
from .modules import accounts
from .modules import adl_keys
from .modules import markets
from .modules import math
from .modules import safe_price

implements: ILens

# Legs of an account, ~30k gas each: one of the protocol may have as many.
MAX_LEGS: constant(uint256) = markets.MAX_MARKETS
# Those of them that are shown.
MAX_SHOWN: constant(uint256) = 128
# Places of a holder list in one call, by pages of 32.
MAX_PAGES: constant(uint256) = 64
PAGE: constant(uint256) = adl_keys.PAGE
# Words of one dump: a hundred accounts of seven legs, or two of the protocol with every leg there is.
MAX_WORDS: constant(uint256) = 1500

POOL: immutable(IMarginPool)
BOOK: immutable(IOrderBook)
ADL: immutable(IAdl)


@deploy
def __init__(pool: IMarginPool, book: IOrderBook, adl: IAdl):
    POOL = pool
    BOOK = book
    ADL = adl


@external
@view
def account(account: uint256) -> ILens.Account:
    health: IMarginPool.Health = staticcall POOL.health(account)
    owner: uint256 = (staticcall POOL.words(account, 0)).owner
    found: ILens.Account = ILens.Account(
        owner=convert(owner & accounts.OWNER_MASK, address),
        isolated_to=(owner >> 160) & accounts.MARKET_MASK,
        protocol=health.protocol,
        flat=health.legs == 0,
        senior=staticcall POOL.is_senior(account),
        quote=health.equity,
        equity=health.equity,
        maintenance=health.maintenance,
        initial=health.initial,
        notional=health.notional,
        stale_notional=health.stale_notional,
        legs=[],
    )
    rest: uint256 = health.legs
    for i: uint256 in range(MAX_LEGS):
        if rest == 0:
            break
        leg: ILens.Leg = self._leg(account, math._lowest_bit(rest), health)
        rest &= rest - 1
        found.quote -= leg.size * convert(leg.mark, int256)
        if i < MAX_SHOWN:
            found.legs.append(leg)
    return found


@external
@view
def totals() -> ILens.Totals:
    pool: IMarginPool.Solvency = staticcall POOL.solvency()
    return ILens.Totals(
        custody=pool.custody,
        deficit=pool.deficit,
        senior_quote=pool.flat_quote - pool.junior_quote,
        epoch=staticcall POOL.epoch(),
        accounts=staticcall POOL.account_count(),
        markets=staticcall POOL.market_count(),
    )


@external
@view
def market(market: uint256) -> ILens.Market:
    return ILens.Market(
        state=staticcall POOL.market(market),
        pot=staticcall POOL.pot(market),
        longs=staticcall POOL.holder_count(market, True),
        shorts=staticcall POOL.holder_count(market, False),
        tops=staticcall BOOK.tops(market),
    )


@external
@view
def keys(
    market: uint256, longs: bool, start: uint256, count: uint256
) -> (DynArray[uint256, 32], DynArray[uint256, 32]):
    keys: DynArray[uint256, PAGE] = []
    found: DynArray[IMarginPool.Candidate, PAGE] = []
    keys, found = self._ranked(market, longs, start, count)
    lots: DynArray[uint256, PAGE] = []
    for candidate: IMarginPool.Candidate in found:
        lots.append(candidate.size)
    return keys, lots


@external
@view
def holders_ahead(account: uint256, market: uint256, start: uint256, count: uint256) -> uint256:
    held: IMarginPool.Position = staticcall POOL.position(account, market)
    assert held.size != 0, "lens: no position"
    longs: bool = held.size > 0
    own: uint256 = self._keys(market, longs, held.place, 1)[0]
    ahead: uint256 = 0
    length: uint256 = staticcall POOL.holder_count(market, longs)
    at: uint256 = min(start, length)
    end: uint256 = at + min(count, length - at)
    for i: uint256 in range(MAX_PAGES):
        if at >= end:
            break
        keys: DynArray[uint256, PAGE] = self._keys(market, longs, at, min(PAGE, end - at))
        for key: uint256 in keys:
            if key > own:
                ahead += 1
        at += PAGE
    return ahead


@external
@view
def liquidation_price(account: uint256, market: uint256) -> uint256:
    return self._liquidation_price(
        market,
        staticcall POOL.position(account, market),
        staticcall POOL.health(account),
    )


@external
@view
def depth(market: uint256, count: uint256) -> ILens.Depth:
    return ILens.Depth(
        bids=staticcall BOOK.depth(market, True, count),
        asks=staticcall BOOK.depth(market, False, count),
    )


@external
@view
def dump(start: uint256, count: uint256) -> (DynArray[int256, MAX_WORDS], uint256):
    words: DynArray[int256, MAX_WORDS] = []
    last: uint256 = staticcall POOL.account_count()
    account: uint256 = max(start, accounts.FEES)
    for i: uint256 in range(MAX_WORDS):
        if i == count or account > last:
            break
        legs: uint256 = staticcall POOL.legs_of(account)
        if len(words) + 2 + 2 * math._count_bits(legs) > MAX_WORDS:
            break
        first: IMarginPool.Words = staticcall POOL.words(account, 0)
        words.append(first.account)
        if legs > accounts.LEG_MASK:
            words.append(convert(first.high_legs, int256))
        for j: uint256 in range(MAX_LEGS):
            if legs == 0:
                break
            leg: IMarginPool.Words = staticcall POOL.words(account, math._lowest_bit(legs))
            legs &= legs - 1
            words.append(leg.position)
            words.append(convert(convert(leg.resting, bytes32), int256))
        account += 1
    return words, 0 if account > last else account


# --- internals -----------------------------------------------------------------------------


@internal
@view
def _leg(account: uint256, market: uint256, health: IMarginPool.Health) -> ILens.Leg:
    held: IMarginPool.Position = staticcall POOL.position(account, market)
    seen: IMarginPool.Market = staticcall POOL.market(market)
    mark: int256 = convert(seen.mark, int256)
    lots: uint256 = math._magnitude(held.size)
    break_even: int256 = 0
    if held.size > 0:
        break_even = math._ceil_div_signed(held.cost, lots) + seen.funding
    elif held.size < 0:
        break_even = math._floor_div_signed(-held.cost, lots) + seen.funding
    return ILens.Leg(
        market=market,
        size=held.size,
        break_even=math._positive(break_even),
        mark=seen.mark,
        pnl=held.size * (mark - seen.funding) - held.cost,
        maintenance=held.maintenance,
        leverage=held.leverage,
        resting_bids=held.resting_bids,
        resting_asks=held.resting_asks,
        liquidation_price=self._liquidation_price(market, held, health),
        place=held.place,
    )


@internal
@view
def _ranked(
    market: uint256, longs: bool, start: uint256, count: uint256
) -> (DynArray[uint256, PAGE], DynArray[IMarginPool.Candidate, PAGE]):
    side: IAdlPolicy.Side = staticcall ADL.side(market, longs)
    found: DynArray[IMarginPool.Candidate, PAGE] = staticcall POOL.candidates(
        market, longs, start, count, side.mark, side.funding
    )
    policy: IAdlPolicy = IAdlPolicy(staticcall ADL.policy())
    return adl_keys._of(policy, staticcall ADL.everyone(), side, found), found


@internal
@view
def _keys(market: uint256, longs: bool, start: uint256, count: uint256) -> DynArray[uint256, PAGE]:
    keys: DynArray[uint256, PAGE] = []
    found: DynArray[IMarginPool.Candidate, PAGE] = []
    keys, found = self._ranked(market, longs, start, count)
    return keys


# --- liquidation price ---------------------------------------------------------------------


@internal
@view
def _liquidation_price(
    market: uint256, held: IMarginPool.Position, health: IMarginPool.Health
) -> uint256:
    if held.size == 0:
        return 0
    schedule: uint256 = staticcall POOL.schedule(market)
    mark: int256 = convert((staticcall POOL.market(market)).mark, int256)
    others: int256 = convert(health.maintenance - held.maintenance, int256)
    # What the account has beyond the other legs' maintenance, this position at no value.
    spare: int256 = health.equity - held.size * mark - others
    lots: uint256 = math._magnitude(held.size)
    if held.size > 0:
        return safe_price._of_long(schedule, lots, -spare)
    return safe_price._of_short(schedule, lots, spare)
