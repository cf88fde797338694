# pragma version 0.4.3
"""
@title tick_tree
@license MIT
@notice The set of ticks of a market at which an order stands.
@dev A tree of bitmaps, three nodes deep, 255 children a node. To add a tick, to remove one and to
     find the next one on either side reads at most five words, however many ticks are in the set
     and however far apart they lie. A list sorted by price would need a hint from the caller, and
     a hint can be made stale by whoever comes first; a balanced tree moves many words per change.
     Bids and asks share one tree: they never overlap, so the best price of each side is enough
     to tell them apart. Bit 255 of a node is set at its first use and stays: a node that empties
     and fills again is written for 5,000 gas instead of 22,100.
"""

from . import math

FAN: constant(uint256) = 255
DEPTH: constant(uint256) = 3
# Ticks that the tree has room for, 0 not being one of them.
MAX_TICK: constant(uint256) = FAN**DEPTH - 1
USED: constant(uint256) = 1 << FAN
CHILDREN: constant(uint256) = USED - 1

# Bitmaps, by market << 32 | height above the ticks << 24 | position in that row
nodes: HashMap[uint256, uint256]


@internal
def _add(market: uint256, tick: uint256):
    child: uint256 = tick
    for height: uint256 in range(DEPTH):
        key: uint256 = self._key(market, height, child // FAN)
        word: uint256 = self.nodes[key]
        self.nodes[key] = word | USED | 1 << child % FAN
        if word & CHILDREN != 0:
            break
        child //= FAN


@internal
def _remove(market: uint256, tick: uint256):
    child: uint256 = tick
    for height: uint256 in range(DEPTH):
        key: uint256 = self._key(market, height, child // FAN)
        word: uint256 = self.nodes[key] & ~(1 << child % FAN)
        self.nodes[key] = word
        if word & CHILDREN != 0:
            break
        child //= FAN


# @notice The next tick of the set below (or above) `tick`, which may itself be in the set or not.
# @return 0 where there is none.
@internal
@view
def _next(market: uint256, tick: uint256, below: bool) -> uint256:
    child: uint256 = tick
    for height: uint256 in range(DEPTH):
        bit: uint256 = 1 << child % FAN
        beside: uint256 = bit - 1
        if not below:
            beside = CHILDREN ^ (bit | beside)
        node: uint256 = child // FAN
        word: uint256 = self.nodes[self._key(market, height, node)] & beside
        if word != 0:
            return self._descend(market, height, node * FAN + self._end(word, below), below)
        child = node
    return 0


# @notice The highest (or lowest) tick under a node that has one.
@internal
@view
def _descend(market: uint256, height: uint256, node: uint256, highest: bool) -> uint256:
    child: uint256 = node
    for i: uint256 in range(height, bound=DEPTH - 1):
        key: uint256 = self._key(market, height - 1 - i, child)
        child = child * FAN + self._end(self.nodes[key] & CHILDREN, highest)
    return child


@internal
@pure
def _end(word: uint256, highest: bool) -> uint256:
    return self._highest_bit(word) if highest else math._lowest_bit(word)


# @notice Index of the highest set bit. `bits` must not be 0.
@internal
@pure
def _highest_bit(bits: uint256) -> uint256:
    rest: uint256 = bits
    index: uint256 = 0
    half: uint256 = 128
    for i: uint256 in range(8):
        if rest >> half != 0:
            rest >>= half
            index |= half
        half >>= 1
    return index


@internal
@pure
def _key(market: uint256, height: uint256, position: uint256) -> uint256:
    return market << 32 | height << 24 | position
