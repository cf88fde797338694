# pragma version 0.4.3
"""
@title price_levels
@license MIT
@notice First come, first served at each price, and the best price of each side.
@dev A level is a doubly linked list through the seats of its orders. The first order's link back
     and the last one's link forward are never read, so they may be stale: taking the first
     order off a level, which is what a match does, writes no neighbour.
"""

from . import seats
from . import tick_tree

uses: seats
uses: tick_tree

LEVEL_LOTS_MASK: constant(uint256) = 2**96 - 1
OPEN: constant(uint256) = 1 << 255
TOPS_MASK: constant(uint256) = 2**72 - 1
BLOCK_MASK: constant(uint256) = 2**40 - 1

# By market: best bid | best ask << 24 | last trade << 48 | size_decimals << 72 | the first three as they
# stood before the last block that changed them << 80 | that block << 152 | OPEN
books: HashMap[uint256, uint256]

# By market << 24 | tick: first | last << 37 | lots << 74 | orders << 170
levels: HashMap[uint256, uint256]


# A market's book in memory; prices are ticks, 0 = none.
struct Book:
    bid: uint256
    ask: uint256
    last: uint256
    size_decimals: uint256


# A price level in memory. `first` and `last` are pointers, without meaning where it is empty.
struct Level:
    first: uint256
    last: uint256
    lots: uint256  # of the orders that hold a margin reservation: the others may vanish at any moment
    orders: uint256


@internal
@view
def _is_open(market: uint256) -> bool:
    return self.books[market] != 0


@internal
@view
def _book(market: uint256) -> Book:
    word: uint256 = self.books[market]
    return self._unpack(word, word)


# @notice The book with its tops as they stood when this block began: quotes that come and go within a
#         block, at no risk, are not in it.
@internal
@view
def _opening(market: uint256) -> Book:
    word: uint256 = self.books[market]
    if (word >> 152) & BLOCK_MASK != block.number:
        return self._unpack(word, word)
    return self._unpack(word, word >> 80)


@internal
@pure
def _unpack(word: uint256, tops: uint256) -> Book:
    return Book(
        bid=tops & seats.TICK_MASK,
        ask=(tops >> 24) & seats.TICK_MASK,
        last=(tops >> 48) & seats.TICK_MASK,
        size_decimals=(word >> 72) & 255,
    )


@internal
def _save_book(market: uint256, book: Book):
    before: uint256 = self.books[market]
    opening: uint256 = before >> 80
    if (before >> 152) & BLOCK_MASK != block.number:
        opening = before
    self.books[market] = (
        book.bid
        | book.ask << 24
        | book.last << 48
        | book.size_decimals << 72
        | (opening & TOPS_MASK) << 80
        | block.number << 152
        | OPEN
    )


@internal
@view
def _level(market: uint256, tick: uint256) -> Level:
    word: uint256 = self.levels[market << 24 | tick]
    return Level(
        first=word & seats.POINTER_MASK,
        last=(word >> 37) & seats.POINTER_MASK,
        lots=(word >> 74) & LEVEL_LOTS_MASK,
        orders=word >> 170,
    )


# @dev An empty level keeps its old pointers, so its word is never zero again.
@internal
def _save_level(market: uint256, tick: uint256, level: Level):
    self.levels[market << 24 | tick] = (
        level.first | level.last << 37 | level.lots << 74 | level.orders << 170
    )


# @notice Put an order behind the others at its price.
@internal
def _append(pointer: uint256, seat: seats.Seat):
    placed: seats.Seat = seat
    level: Level = self._level(seat.market, seat.tick)
    if level.orders == 0:
        level.first = pointer
        tick_tree._add(seat.market, seat.tick)
        self._improve(seat.market, seat.tick, seat.is_bid)
    else:
        seats._set_next(level.last, pointer)
        placed.previous = level.last
    level.last = pointer
    level.lots += self._reserved(seat)
    level.orders += 1
    self._save_level(seat.market, seat.tick, level)
    seats._store(pointer, placed)


# @notice Take an order off its level, wherever in it it stands.
@internal
def _unlink(pointer: uint256, seat: seats.Seat):
    level: Level = self._level(seat.market, seat.tick)
    if pointer == level.first:
        level.first = seat.next
    elif pointer == level.last:
        level.last = seat.previous
    else:
        seats._set_next(seat.previous, seat.next)
        seats._set_previous(seat.next, seat.previous)
    level.lots -= self._reserved(seat)
    level.orders -= 1
    self._save_level(seat.market, seat.tick, level)
    if level.orders == 0:
        tick_tree._remove(seat.market, seat.tick)
        self._worsen(seat.market, seat.tick)


# @notice Take `lots` of the first order of its level as traded; it leaves where nothing is left.
@internal
def _trade(pointer: uint256, seat: seats.Seat, lots: uint256):
    left: seats.Seat = seat
    left.lots -= lots
    if left.lots == 0:
        self._unlink(pointer, seat)
        seats._leave(pointer, left)
    else:
        level: Level = self._level(seat.market, seat.tick)
        level.lots -= self._reserved(seat) - self._reserved(left)
        self._save_level(seat.market, seat.tick, level)
        seats._store(pointer, left)
    book: Book = self._book(seat.market)
    if book.last != seat.tick:
        book.last = seat.tick
        self._save_book(seat.market, book)


# @notice Lots for which an order holds a margin reservation.
@internal
@pure
def _reserved(seat: seats.Seat) -> uint256:
    return 0 if seat.reduce_only else seat.lots


@internal
def _improve(market: uint256, tick: uint256, is_bid: bool):
    book: Book = self._book(market)
    if is_bid and tick > book.bid:
        book.bid = tick
    elif not is_bid and (tick < book.ask or book.ask == 0):
        book.ask = tick
    else:
        return
    self._save_book(market, book)


@internal
def _worsen(market: uint256, tick: uint256):
    book: Book = self._book(market)
    if tick == book.bid:
        book.bid = tick_tree._next(market, tick, True)
    elif tick == book.ask:
        book.ask = tick_tree._next(market, tick, False)
    else:
        return
    self._save_book(market, book)
