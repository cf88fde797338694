# pragma version 0.4.3
"""
@title Oracle
@license MIT
@notice Turns reporters' prices and the own book into index, mark and funding. See IOracle for the
        rules, units and errors.
@dev The pool holds the standing index, mark and time; only what the pool has no use for is kept here.
"""

from .interfaces import IMarginPool
from .interfaces import IOracle
from .interfaces import IOrderBook
from .modules import ema
from .modules import markets
from .modules import premiums
from .modules import reports
from .modules import weighted_median

implements: IOracle

initializes: ema
initializes: premiums
initializes: reports

exports: (reports.max_report_age, reports.quorum)

# Markets in one call: ~130k gas each, ~1.1M where 64 levels a side are dust: 15 of those still fit.
MAX_UPDATES: constant(uint256) = 64
PPM: constant(uint256) = 10**6
USD: constant(uint256) = 10**18

# Notional whose average price in the book makes the premium.
MAJOR_IMPACT: constant(uint256) = 20_000 * USD
MINOR_IMPACT: constant(uint256) = 6_000 * USD

# Reasons of MarkHeld; 0 = the market can be updated.
NO_FRESH_SPOT: constant(uint256) = 1
TOO_FAR: constant(uint256) = 2
FUNDING_BOUND: constant(uint256) = 3

POOL: immutable(IMarginPool)
BOOK: immutable(IOrderBook)

# Distance from mark beyond which the pool lets nobody trade, ppm.
BAND: immutable(uint256)

# Bitmap of the markets with MAJOR_IMPACT.
MAJORS: immutable(uint256)

# Funding accrues at the hours rather than at every update.
HOURLY: immutable(bool)


@deploy
def __init__(
    pool: IMarginPool,
    book: IOrderBook,
    reporters: DynArray[IOracle.Reporter, reports.MAX_REPORTERS],
    max_report_age: uint256,
    quorum: uint256,
    majors: uint256,
    hourly: bool,
):
    reports.__init__(reporters, max_report_age, quorum)
    POOL = pool
    BOOK = book
    BAND = (staticcall pool.fees())[2]
    MAJORS = majors
    HOURLY = hourly


# --- reporters -----------------------------------------------------------------------------


@external
def post(observed_at: uint256, posted: DynArray[IOracle.Report, reports.MAX_REPORTS]):
    reports._post(msg.sender, observed_at, posted)


# --- anyone --------------------------------------------------------------------------------


@external
def update(chosen: DynArray[uint256, MAX_UPDATES]):
    count: uint256 = staticcall POOL.market_count()
    updates: DynArray[IMarginPool.Update, MAX_UPDATES] = []
    lowest: uint256 = 0
    for market: uint256 in chosen:
        # The pool moves at the end: a market named twice would accrue and be sampled twice.
        assert market >= lowest, "oracle: markets out of order"
        assert market < count, "oracle: unknown market"
        lowest = market + 1
        next: IMarginPool.Update = self._step(market)
        if next.mark != 0:
            updates.append(next)
    if len(updates) != 0:
        extcall POOL.advance(updates)


# --- views ---------------------------------------------------------------------------------


@external
@view
def inputs(market: uint256) -> IOracle.Inputs:
    standing: IMarginPool.Market = staticcall POOL.market(market)
    poll: reports.Poll = reports._poll(market)
    if self._refusal(poll, standing) != 0:
        return empty(IOracle.Inputs)
    return self._inputs(market, poll, self._tops(market, standing, poll.spot))


@external
@view
def funding_rate(market: uint256) -> int256:
    return premiums._rate(market)


@external
@view
def reporters() -> DynArray[IOracle.Reporter, reports.MAX_REPORTERS]:
    return reports.REPORTERS


@external
@view
def report_of(reporter: address, market: uint256) -> (uint256, uint256, uint256):
    return reports._report(reporter, market)


# --- internals -----------------------------------------------------------------------------


# @return The market's step into this epoch, or nothing (mark 0) where it is held.
@internal
def _step(market: uint256) -> IMarginPool.Update:
    standing: IMarginPool.Market = staticcall POOL.market(market)
    poll: reports.Poll = reports._poll(market)
    # Before anything is sampled: at the rate that stood, for the time in which it stood.
    accrued: int256 = premiums._accrual(
        premiums._rate(market),
        standing.index,
        premiums._seconds(standing.updated_at, HOURLY),
    )
    reason: uint256 = self._refusal(poll, standing)
    if reason == 0 and abs(standing.funding + accrued) >= markets.MAX_FUNDING:
        reason = FUNDING_BOUND
    if reason != 0:
        log IOracle.MarkHeld(market=market, reason=reason)
        return empty(IMarginPool.Update)

    tops: IOrderBook.Tops = self._tops(market, standing, poll.spot)
    if standing.updated_at != block.timestamp:
        self._sample(market, poll.spot, tops, standing.updated_at)
    found: IOracle.Inputs = self._inputs(market, poll, tops)
    log IOracle.MarkSet(
        market=market,
        index=found.index,
        from_index=found.from_index,
        from_book=found.from_book,
        from_perps=found.from_perps,
        mark=found.mark,
    )
    return IMarginPool.Update(
        market=market, mark=found.mark, index=found.index, funding_delta=accrued
    )


@internal
@view
def _refusal(poll: reports.Poll, standing: IMarginPool.Market) -> uint256:
    if poll.spot == 0:
        return NO_FRESH_SPOT
    if poll.spot_weight < reports.quorum and self._far(poll.spot, standing.index):
        return TOO_FAR
    return 0


# @notice More than 50 % off; every price is, from a standing 0.
@internal
@pure
def _far(price: uint256, standing: uint256) -> bool:
    return 2 * self._distance(price, standing) > standing


# @notice The tops of the book that count: those against which the pool lets people trade.
# @dev All updates of a block look around one mark, or each could go a band further than the last.
@internal
@view
def _tops(market: uint256, standing: IMarginPool.Market, index: uint256) -> IOrderBook.Tops:
    centre: uint256 = standing.mark
    if standing.updated_at == block.timestamp:
        centre = standing.previous_mark
    centre = self._or(centre, index)
    tops: IOrderBook.Tops = staticcall BOOK.opening_tops(market)
    tops.bid = self._within_band(tops.bid, centre)
    tops.ask = self._within_band(tops.ask, centre)
    return tops


# @return The price, or 0 outside the band around `centre`.
@internal
@view
def _within_band(price: uint256, centre: uint256) -> uint256:
    if price > markets.MAX_PRICE or self._distance(price, centre) * PPM > BAND * centre:
        return 0
    return price


@internal
@pure
def _distance(a: uint256, b: uint256) -> uint256:
    return max(a, b) - min(a, b)


# @notice One sample of both averages and of the premium.
@internal
def _sample(market: uint256, index: uint256, tops: IOrderBook.Tops, last: uint256):
    if tops.bid != 0 and tops.ask != 0 and last != 0:
        mid: uint256 = (tops.bid + tops.ask) // 2
        basis: int256 = convert(mid, int256) - convert(index, int256)
        ema._sample(market, basis, self._from_book(tops), block.timestamp - last)
    bid: uint256 = 0
    ask: uint256 = 0
    bid, ask = self._impact(market, tops)
    premium: int256 = premiums._premium(index, bid, ask)
    premiums._sample(market, premium, last)
    log IOracle.FundingSampled(market=market, premium=premium, rate=premiums._rate(market))


# @notice Impact prices; 0 on a side that is too thin or whose top does not count.
# @dev Neither is better than its top, so that tops which stood before this block bound what was
#      placed within it.
@internal
@view
def _impact(market: uint256, tops: IOrderBook.Tops) -> (uint256, uint256):
    if tops.bid == 0 and tops.ask == 0:
        return 0, 0
    notional: uint256 = MINOR_IMPACT
    if MAJORS >> market & 1 == 1:
        notional = MAJOR_IMPACT
    bid: uint256 = 0
    ask: uint256 = 0
    bid, ask = staticcall BOOK.impact_prices(market, notional)
    if tops.ask == 0 or ask == 0:
        ask = 0
    else:
        ask = max(ask, tops.ask)
    return min(bid, tops.bid), ask


@internal
@view
def _inputs(market: uint256, poll: reports.Poll, tops: IOrderBook.Tops) -> IOracle.Inputs:
    slow: ema.Average = empty(ema.Average)
    fast: ema.Average = empty(ema.Average)
    slow, fast = ema._averages(market)
    found: IOracle.Inputs = empty(IOracle.Inputs)
    found.index = poll.spot
    found.book_average = convert(fast.value, uint256)
    found.from_book = self._from_book(tops)
    if poll.perp_weight >= reports.quorum or not self._far(poll.perp, poll.spot):
        found.from_perps = poll.perp
    if slow.weight != 0:
        moved: int256 = convert(poll.spot, int256) + slow.value
        if moved > 0 and moved <= convert(markets.MAX_PRICE, int256):
            found.from_index = convert(moved, uint256)
    found.mark = self._mark(found)
    return found


# @return median(bid, ask, last trade), 0 without a bid or an ask that counts.
@internal
@pure
def _from_book(tops: IOrderBook.Tops) -> uint256:
    if tops.bid == 0 or tops.ask == 0:
        return 0
    last: uint256 = self._or(tops.last, (tops.bid + tops.ask) // 2)
    return weighted_median._of_three(tops.bid, tops.ask, last)


@internal
@pure
def _mark(found: IOracle.Inputs) -> uint256:
    first: uint256 = found.from_index
    second: uint256 = found.from_book
    third: uint256 = found.from_perps
    missing: uint256 = (
        convert(first == 0, uint256) + convert(second == 0, uint256) + convert(third == 0, uint256)
    )
    if missing == 3:
        return found.index
    if missing == 2:
        return max(first, max(second, third))
    stand_in: uint256 = self._or(found.book_average, found.index)
    return weighted_median._of_three(
        self._or(first, stand_in), self._or(second, stand_in), self._or(third, stand_in)
    )


@internal
@pure
def _or(price: uint256, stand_in: uint256) -> uint256:
    return stand_in if price == 0 else price
