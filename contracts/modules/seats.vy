# pragma version 0.4.3
"""
@title seats
@license MIT
@notice Orders and stops in seats of their accounts: one word each, used again and again.
@dev A seat is found by account << 5 | seat ("pointer"; 0 is no order, since no account is 0). Each
     order that takes a seat raises its generation, which is part of the order's id, so that an
     id never means a later order (but for the 2**24th in the same seat). A seat that has been left
     keeps its word with no lots: to sit down again costs 5,000 gas instead of 22,100.
"""

from . import math

# Live orders and stops of an account, so that removing all of them is bounded (~40k gas each, cold).
SEATS: constant(uint256) = 32
ALL_TAKEN: constant(uint256) = 2**SEATS - 1

LOTS_MASK: constant(uint256) = 2**56 - 1
TICK_MASK: constant(uint256) = 2**24 - 1
POINTER_MASK: constant(uint256) = 2**37 - 1
COUNTER_MASK: constant(uint256) = 2**24 - 1
ACCOUNT_MASK: constant(uint256) = 2**32 - 1
PREVIOUS_SHIFT: constant(uint256) = 80
NEXT_SHIFT: constant(uint256) = 117

# By pointer: lots | tick << 56 | previous << 80 | next << 117 | birth << 154 | generation << 178
#           | market << 202 | flags << 210 | limit << 214
words: HashMap[uint256, uint256]

# By account: bitmap of the seats taken | owner << 96. An account that has never had a seat has no owner here.
accounts: HashMap[uint256, uint256]


# An order in memory.
struct Seat:
    lots: uint256  # left of it; 0 = nobody sits here
    tick: uint256  # its price; the trigger of a stop
    previous: uint256  # pointer to the order before it in its level; stale for the first one
    next: uint256  # the one after it; stale for the last one
    birth: uint256  # of the position that it may only reduce
    generation: uint256
    market: uint256
    is_bid: bool
    reduce_only: bool
    stop: bool
    above: bool  # a stop that fires at or above its trigger
    limit: uint256  # tick; of a stop, 0 = the edge of the band


@internal
@view
def _load(pointer: uint256) -> Seat:
    word: uint256 = self.words[pointer]
    return Seat(
        lots=word & LOTS_MASK,
        tick=(word >> 56) & TICK_MASK,
        previous=(word >> PREVIOUS_SHIFT) & POINTER_MASK,
        next=(word >> NEXT_SHIFT) & POINTER_MASK,
        birth=(word >> 154) & COUNTER_MASK,
        generation=(word >> 178) & COUNTER_MASK,
        market=(word >> 202) & 255,
        is_bid=(word >> 210) & 1 != 0,
        reduce_only=(word >> 211) & 1 != 0,
        stop=(word >> 212) & 1 != 0,
        above=(word >> 213) & 1 != 0,
        limit=word >> 214,
    )


@internal
def _store(pointer: uint256, seat: Seat):
    self.words[pointer] = (
        seat.lots
        | seat.tick << 56
        | seat.previous << PREVIOUS_SHIFT
        | seat.next << NEXT_SHIFT
        | seat.birth << 154
        | seat.generation << 178
        | seat.market << 202
        | convert(seat.is_bid, uint256) << 210
        | convert(seat.reduce_only, uint256) << 211
        | convert(seat.stop, uint256) << 212
        | convert(seat.above, uint256) << 213
        | seat.limit << 214
    )


@internal
def _set_next(pointer: uint256, next: uint256):
    self._set_link(pointer, NEXT_SHIFT, next)


@internal
def _set_previous(pointer: uint256, previous: uint256):
    self._set_link(pointer, PREVIOUS_SHIFT, previous)


@internal
def _set_link(pointer: uint256, at: uint256, target: uint256):
    self.words[pointer] = (self.words[pointer] & ~(POINTER_MASK << at) | target << at)


# @notice Take the first free seat of an account. Its owner, who never changes, is noted with it.
# @return Its pointer, and the generation of the order that will sit in it.
@internal
def _take(account: uint256, owner: address) -> (uint256, uint256):
    taken: uint256 = self._taken(account)
    free: uint256 = taken ^ ALL_TAKEN
    assert free != 0, "book: no free seat"
    seat: uint256 = math._lowest_bit(free)
    self.accounts[account] = convert(owner, uint256) << 96 | taken | 1 << seat
    pointer: uint256 = self._pointer(account, seat)
    last: uint256 = (self.words[pointer] >> 178) & COUNTER_MASK
    return pointer, (last + 1) & COUNTER_MASK


# @notice Leave a seat. Its word stays, without lots.
@internal
def _leave(pointer: uint256, seat: Seat):
    left: Seat = seat
    left.lots = 0
    self._store(pointer, left)
    self.accounts[self._account(pointer)] ^= 1 << (pointer & 31)


# @notice Bitmap of the seats that are taken.
@internal
@view
def _taken(account: uint256) -> uint256:
    return self.accounts[account] & ALL_TAKEN


# @notice Owner of an account that has had a seat, nobody for any other.
@internal
@view
def _owner(account: uint256) -> address:
    return convert(self.accounts[account] >> 96, address)


@internal
@pure
def _pointer(account: uint256, seat: uint256) -> uint256:
    return account << 5 | seat


@internal
@pure
def _account(pointer: uint256) -> uint256:
    return pointer >> 5


# --- ids ----------------------------------------------------------------------------------


@internal
@pure
def _id(pointer: uint256, generation: uint256) -> uint256:
    return generation << 64 | self._account(pointer) << 8 | pointer & 31


# @notice The live order behind an id, and its pointer.
# @return A seat without lots where the order is gone, or never was.
@internal
@view
def _find(order_id: uint256) -> (uint256, Seat):
    account: uint256 = (order_id >> 8) & ACCOUNT_MASK
    pointer: uint256 = self._pointer(account, order_id & 31)
    seat: Seat = self._load(pointer)
    if self._id(pointer, seat.generation) != order_id:
        return pointer, empty(Seat)
    return pointer, seat
