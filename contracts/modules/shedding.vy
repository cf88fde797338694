# pragma version 0.4.3
"""
@title shedding
@license MIT
@notice How an account of the protocol gets rid of positions that it has taken over: slice by slice through
        the book, by a rule that anyone may carry out.
"""

from ..interfaces import IMarginPool
from ..interfaces import IOrderBook
from ..interfaces import IShedding
from . import math
from . import ticks

PPM: constant(uint256) = 10**6
# Least order of the book, quote: 10 USD.
MIN_ORDER: constant(uint256) = 10 * 10**18
# The book's kind of order that never rests.
IOC: constant(uint256) = 1

POOL: immutable(IMarginPool)
BOOK: immutable(IOrderBook)

# Part of a position that one shedding sells, ppm.
SLICE: immutable(uint256)

# How far from mark it may trade, ppm.
WIDTH: immutable(uint256)

# Epoch in which an account last shed, by account and market.
shed_in: HashMap[uint256, HashMap[uint256, uint256]]


@deploy
def __init__(pool: IMarginPool, book: IOrderBook, part: uint256, width: uint256):
    assert 0 < part and part <= PPM, "shedding: bad slice"
    assert width <= (staticcall pool.fees())[2], "shedding: bad band"
    POOL = pool
    BOOK = book
    SLICE = part
    WIDTH = width


# @notice Offer a slice of a position to the book. An offer that nobody took does not count.
# @param account Owned by this contract.
@internal
def _shed(account: uint256, market: uint256):
    epoch: uint256 = staticcall POOL.epoch()
    size: int256 = (staticcall POOL.position(account, market)).size
    assert size != 0, "shedding: nothing to shed"
    assert self.shed_in[account][market] < epoch, "shedding: wait for an epoch"
    is_bid: bool = size < 0
    limit: uint256 = self._limit(market, is_bid)
    lots: uint256 = self._slice(math._magnitude(size), limit)
    order_id: uint256 = 0
    filled: uint256 = 0
    order_id, filled = extcall BOOK.place(
        account,
        market,
        IOrderBook.Order(is_bid=is_bid, price=limit, lots=lots, kind=IOC, reduce_only=True),
    )
    if filled != 0:
        self.shed_in[account][market] = epoch
    log IShedding.Shed(
        account=account, market=market, is_bid=is_bid, lots=lots, limit=limit, filled=filled
    )


# @notice The worst legal price of a shedding order, quote per lot.
@internal
@view
def _limit(market: uint256, is_bid: bool) -> uint256:
    seen: IMarginPool.Market = staticcall POOL.market(market)
    width: uint256 = seen.mark * WIDTH // PPM
    tick: uint256 = 0
    if is_bid:
        tick = max(1, ticks._at_or_below(seen.mark + width, seen.size_decimals))
    else:
        tick = ticks._at_or_above(seen.mark - width, seen.size_decimals)
    return ticks._price(tick, seen.size_decimals)


# @notice Lots of one shedding order: a part of the position, no less than the book accepts.
@internal
@view
def _slice(size: uint256, limit: uint256) -> uint256:
    lots: uint256 = math._ceil_div(size * SLICE, PPM)
    return min(size, max(lots, math._ceil_div(MIN_ORDER, limit)))
