# pragma version 0.4.3
"""
@title matching
@license MIT
@notice A taker meets the orders of the other side: best price first, first come first served.
@dev Nothing about a maker can make a match revert: an order that can't trade as it stands is
     removed and the taker goes on, so no one can wall off the best level. The pool weighs both
     sides after each fill and answers instead of reverting.
"""

from ..interfaces import IMarginPool
from ..interfaces import IOrderBook
from . import price_levels
from . import seats
from . import ticks

uses: price_levels
uses: seats

# Makers that one order may meet. Each costs up to ~200k gas (8 legs, cold, a level that empties): 6.4M.
MAX_MAKERS: constant(uint256) = 32

# What the pool answers to a match.
TAKER_FAILS: constant(uint256) = 1
MAKER_FAILS: constant(uint256) = 2
CAP_REACHED: constant(uint256) = 3

# Why an order was removed.
BY_OWNER: constant(uint256) = 0
SELF_TRADE: constant(uint256) = 1
MAKER_FAILED: constant(uint256) = 2
NOTHING_TO_REDUCE: constant(uint256) = 3
LIQUIDATED: constant(uint256) = 4
FIRED: constant(uint256) = 5
OUTSIDE_BAND: constant(uint256) = 6

# How a taker ended; FILLED has no event of its own.
FILLED: constant(uint256) = 0
RESTS: constant(uint256) = 1
LIMIT_REACHED: constant(uint256) = 2
TAKER_FAILED: constant(uint256) = 3
MAKERS_MET: constant(uint256) = 4
NO_POSITION: constant(uint256) = 5
AT_CAP: constant(uint256) = 6

# The margin pool.
POOL: immutable(IMarginPool)


struct Taker:
    account: uint256
    owner: address
    market: uint256
    is_bid: bool
    lots: uint256
    limit: uint256  # tick
    low: uint256  # the pool's band, quote per lot; the whole range for a liquidation
    high: uint256
    liquidation: bool


struct Result:
    filled: uint256  # lots
    quote: uint256
    met: uint256  # makers, those included that were removed
    end: uint256


@deploy
def __init__(pool: IMarginPool):
    POOL = pool


# @param makers At most MAX_MAKERS.
@internal
def _take(taker: Taker, makers: uint256) -> Result:
    result: Result = empty(Result)
    for i: uint256 in range(makers, bound=MAX_MAKERS):
        book: price_levels.Book = price_levels._book(taker.market)
        if not self._crosses(book, taker.is_bid, taker.limit):
            result.end = LIMIT_REACHED
            return result
        tick: uint256 = book.ask if taker.is_bid else book.bid
        price: uint256 = ticks._price(tick, book.size_decimals)
        lots: uint256 = 0
        lots, result.end = self._meet(taker, tick, price, taker.lots - result.filled)
        result.filled += lots
        result.quote += lots * price
        result.met += 1
        if result.filled == taker.lots or result.end != FILLED:
            return result
    result.end = LIMIT_REACHED
    if self._crosses(price_levels._book(taker.market), taker.is_bid, taker.limit):
        result.end = MAKERS_MET
    return result


# @notice Whether an order at `tick` meets the other side of the book.
@internal
@pure
def _crosses(book: price_levels.Book, is_bid: bool, tick: uint256) -> bool:
    if is_bid:
        return book.ask != 0 and book.ask <= tick
    return book.bid != 0 and book.bid >= tick


# @notice Match with the first order at `tick`, or remove it.
# @return Lots filled, and FILLED or the reason for which the taker stops here.
@internal
def _meet(taker: Taker, tick: uint256, price: uint256, wanted: uint256) -> (uint256, uint256):
    pointer: uint256 = price_levels._level(taker.market, tick).first
    maker: seats.Seat = seats._load(pointer)
    lots: uint256 = 0
    obstacle: uint256 = 0
    lots, obstacle = self._available(taker, pointer, maker, price)
    if lots == 0:
        self._remove(pointer, maker, obstacle)
        return 0, FILLED

    lots = min(lots, wanted)
    answer: uint256 = extcall POOL.fill(
        IMarginPool.Fill(
            market=taker.market,
            taker=taker.account,
            maker=seats._account(pointer),
            taker_buys=taker.is_bid,
            lots=lots,
            price=price,
            maker_reserved=not maker.reduce_only,
            liquidation=taker.liquidation,
        )
    )
    if answer == TAKER_FAILS:
        return 0, TAKER_FAILED
    if answer == CAP_REACHED:
        return 0, AT_CAP
    if answer == MAKER_FAILS:
        self._remove(pointer, maker, MAKER_FAILED)
        return 0, FILLED

    price_levels._trade(pointer, maker, lots)
    return lots, FILLED


# @notice Lots of a resting order that may trade with this taker.
# @return 0 and the reason where it can't trade at all.
@internal
@view
def _available(
    taker: Taker, pointer: uint256, maker: seats.Seat, price: uint256
) -> (uint256, uint256):
    account: uint256 = seats._account(pointer)
    if seats._owner(account) == taker.owner:
        return 0, SELF_TRADE
    if price < taker.low or price > taker.high:
        return 0, OUTSIDE_BAND
    if maker.reduce_only:
        return min(maker.lots, self._reducible(account, maker)), NOTHING_TO_REDUCE
    return maker.lots, FILLED


# @notice Lots that an order which only reduces has left to reduce: none once its position has
#         passed zero, even where a later position lies on the same side.
@internal
@view
def _reducible(account: uint256, order: seats.Seat) -> uint256:
    position: IMarginPool.Position = staticcall POOL.position(account, order.market)
    if position.birth != order.birth:
        return 0
    return self._opposite(position.size, order.is_bid)


# @notice Lots of a position that lie against an order's side.
@internal
@pure
def _opposite(size: int256, is_bid: bool) -> uint256:
    return convert(max(-size if is_bid else size, 0), uint256)


# --- leaving the book ---------------------------------------------------------------------


# @notice Remove a live order or stop, and free the margin that it holds.
@internal
def _remove(pointer: uint256, seat: seats.Seat, reason: uint256):
    self._take_out(pointer, seat, reason)
    lots: int256 = convert(price_levels._reserved(seat), int256)
    if lots != 0:
        self._reserve(seats._account(pointer), seat.market, seat.is_bid, -lots)


# @notice Remove a live order or stop; the margin that it holds is the caller's to free.
@internal
def _take_out(pointer: uint256, seat: seats.Seat, reason: uint256):
    if not seat.stop:
        price_levels._unlink(pointer, seat)
    seats._leave(pointer, seat)
    log IOrderBook.Removed(
        market=seat.market,
        account=seats._account(pointer),
        order_id=seats._id(pointer, seat.generation),
        lots=seat.lots,
        reason=reason,
    )


# @notice Change the lots for which an account reserves margin on one side.
@internal
def _reserve(account: uint256, market: uint256, is_bid: bool, lots: int256):
    extcall POOL.rest(
        account,
        market,
        lots if is_bid else 0,
        0 if is_bid else lots,
    )
