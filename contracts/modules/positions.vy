# pragma version 0.4.3
"""
@title positions
@license MIT
@notice Sizes and costs, the lots that rest beside them, and the list of holders of each side.
@dev A list only grows or reuses its holes: a holder never moves, so that no one can slip past
     the cursor of a ranking that walks the list.
"""

from . import require

HOLE: constant(uint256) = 2**31
ENTRY_MASK: constant(uint256) = 2**32 - 1
BYTE: constant(uint256) = 255
BIRTH_MASK: constant(uint256) = 2**24 - 1
# Holders of one side, dead holes included. A list this long costs the ranking 2**24 * 263 gas.
MAX_HOLDERS: constant(uint256) = 2**24 - 1

# size (int56) << 200 | leverage << 192 | birth << 168 | place in the holder list << 144, PLUS cost (int144)
words: HashMap[uint256, HashMap[uint256, int256]]

# resting bids << 128 | resting asks, lots that reserve margin
resting: HashMap[uint256, HashMap[uint256, uint256]]

# Eight entries of 32 bits a word, by (market << 1 | longs) << 32 | page: an account, or HOLE | next hole + 1
holders: HashMap[uint256, uint256]

# By market: for longs, then << 64 for shorts: length | first hole + 1 << 32
lists: HashMap[uint256, uint256]


# A position in memory.
struct Held:
    size: int256
    cost: int256
    leverage: uint256
    birth: uint256
    place: uint256


# @dev The cost is signed and lies below the rest: adding half of its range before the offset
#      takes the borrow of a negative cost out of the size. |word| < 2**255 - 2**200: no overflow.
@internal
@view
def _load(account: uint256, market: uint256) -> Held:
    word: int256 = self.words[account][market]
    top: int256 = unsafe_add(word, 2**143) >> 144
    low: uint256 = convert(top & (2**56 - 1), uint256)
    return Held(
        size=top >> 56,
        cost=unsafe_sub(word, top << 144),
        leverage=low >> 48,
        birth=(low >> 24) & BIRTH_MASK,
        place=low & BIRTH_MASK,
    )


# @dev |cost| < 2**54 * 2**87 = 2**141: inside its 144 bits. |size| < 2**54: inside its 56.
@internal
def _store(account: uint256, market: uint256, held: Held):
    low: uint256 = held.leverage << 48 | held.birth << 24 | held.place
    top: int256 = held.size << 56 | convert(low, int256)
    self.words[account][market] = unsafe_add(top << 144, held.cost)


# @notice Write a new size and cost; keep the birth and the holder lists with it.
@internal
def _change(account: uint256, market: uint256, before: Held, size: int256, cost: int256):
    after: Held = before
    after.size = size
    after.cost = cost
    same_side: bool = (before.size > 0 and size > 0) or (before.size < 0 and size < 0)
    if not same_side:
        if before.size != 0:
            self._leave(market, before.size > 0, before.place)
            after.place = 0
        if size != 0:
            after.place = self._join(market, size > 0, account)
            after.birth = (before.birth + 1) & BIRTH_MASK
    self._store(account, market, after)


@internal
@view
def _resting(account: uint256, market: uint256) -> (uint256, uint256):
    word: uint256 = self.resting[account][market]
    return word >> 128, word & (2**128 - 1)


# --- holder lists -------------------------------------------------------------------------


@internal
@view
def _length(market: uint256, longs: bool) -> uint256:
    return (self.lists[market] >> self._list_offset(longs)) & ENTRY_MASK


# @notice The account at a place, or 0 for a hole.
@internal
@view
def _holder(market: uint256, longs: bool, place: uint256) -> uint256:
    entry: uint256 = self._entry(market, longs, place)
    return 0 if entry & HOLE != 0 else entry


@internal
def _join(market: uint256, longs: bool, account: uint256) -> uint256:
    offset: uint256 = self._list_offset(longs)
    word: uint256 = self.lists[market]
    length: uint256 = (word >> offset) & ENTRY_MASK
    hole: uint256 = (word >> (offset + 32)) & ENTRY_MASK
    place: uint256 = length
    if hole != 0:
        place = hole - 1
        hole = self._entry(market, longs, place) & ~HOLE
    else:
        require._that(length < MAX_HOLDERS, "pool: too many holders")
        length += 1
    self._write_entry(market, longs, place, account)
    self._write_list(market, offset, length, hole)
    return place


@internal
def _leave(market: uint256, longs: bool, place: uint256):
    offset: uint256 = self._list_offset(longs)
    word: uint256 = self.lists[market]
    hole: uint256 = (word >> (offset + 32)) & ENTRY_MASK
    self._write_entry(market, longs, place, HOLE | hole)
    self._write_list(market, offset, (word >> offset) & ENTRY_MASK, place + 1)


@internal
@pure
def _list_offset(longs: bool) -> uint256:
    return 0 if longs else 64


@internal
def _write_list(market: uint256, offset: uint256, length: uint256, hole: uint256):
    other: uint256 = self.lists[market] & ~((2**64 - 1) << offset)
    self.lists[market] = other | (length | hole << 32) << offset


@internal
@pure
def _page(market: uint256, longs: bool, place: uint256) -> uint256:
    return (market << 1 | convert(longs, uint256)) << 32 | place >> 3


@internal
@view
def _entry(market: uint256, longs: bool, place: uint256) -> uint256:
    return (self.holders[self._page(market, longs, place)] >> (32 * (place & 7))) & ENTRY_MASK


@internal
def _write_entry(market: uint256, longs: bool, place: uint256, entry: uint256):
    page: uint256 = self._page(market, longs, place)
    offset: uint256 = 32 * (place & 7)
    self.holders[page] = self.holders[page] & ~(ENTRY_MASK << offset) | entry << offset
