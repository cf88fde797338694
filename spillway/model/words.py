"""Accounts and positions, and how the pool packs them into words.

An account word holds the stored quote (int160), 8 bits of flags and the bitmap of the lowest 88
markets. A position word holds size (int56), leverage (uint8), birth (uint24), place in the holder
list (uint24), and the cost (int144) *added* to them, so a negative cost borrows from the fields
above it. A resting word holds bids and asks (uint128 each).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

FEES = 1  # the fee account
DEFICIT = 2  # the one account that may owe without a position
FIRST_TRADER = 3

HIGH = 1  # flag of packing alone: a second word holds the legs above the lowest 88 markets
ISOLATED = 2  # flag: the account may hold one market only
PROTOCOL = 4  # flag: an account of the venue's own, outside the law of flat accounts

LOW_MARKETS = 88
_LOW_MASK = (1 << LOW_MARKETS) - 1
_WORD = 1 << 256


@dataclass(frozen=True, slots=True)
class Leg:
    """One market of one account: the position and the orders beside it.

    Attributes:
        size: Lots, long > 0.
        cost: Quote; sum of lots * (price - F) over the lots held.
        leverage: Chosen leverage; 0 = the highest that the tier allows.
        birth: Counts the openings of the position.
        holder: Place in the holder list of its side, as the word stores it.
        bids: Resting lots that buy.
        asks: Resting lots that sell.
    """

    size: int = 0
    cost: int = 0
    leverage: int = 0
    birth: int = 0
    holder: int = 0
    bids: int = 0
    asks: int = 0

    @property
    def live(self) -> bool:
        """Whether the leg keeps its account from being flat."""
        return bool(self.size or self.bids or self.asks)


@dataclass(frozen=True, slots=True)
class Account:
    """One margin account.

    Attributes:
        number: Its id.
        stored: Stored quote; effective quote = stored - sum of size * F.
        flags: ISOLATED and PROTOCOL.
        legs: Market -> leg, ascending; only legs with a position or a resting order.
    """

    number: int
    stored: int = 0
    flags: int = 0
    legs: dict[int, Leg] = field(default_factory=dict)

    @property
    def flat(self) -> bool:
        """Whether it holds neither a position nor a resting order."""
        return not self.legs

    @property
    def trader(self) -> bool:
        """Whether the law of flat accounts protects it."""
        return self.number >= FIRST_TRADER and not self.flags & PROTOCOL


def decode_dump(words: Sequence[int], start: int) -> list[Account]:
    """Decode the words of `pool.dump(start)`.

    Args:
        words: Signed or unsigned; for each account its word (and its high word where the flag
            says so), then for each set leg, ascending, the position word and the resting word.
        start: Id of the first account in `words`.

    Returns:
        The accounts, ids ascending from `start`.
    """
    accounts = []
    stream = (word % _WORD for word in words)
    for number, word in enumerate(stream, start):
        flags = (word >> LOW_MARKETS) & 0xFF
        bitmap = word & _LOW_MASK
        if flags & HIGH:
            bitmap |= next(stream) << LOW_MARKETS
        legs = {market: _decode_leg(next(stream), next(stream)) for market in set_bits(bitmap)}
        accounts.append(Account(number, _signed(word >> 96, 160), flags & ~HIGH, legs))
    return accounts


def set_bits(bitmap: int) -> Iterator[int]:
    """Yield the places of the set bits, ascending."""
    while bitmap:
        lowest = bitmap & -bitmap
        yield lowest.bit_length() - 1
        bitmap ^= lowest


def _decode_leg(position: int, resting: int) -> Leg:
    cost = _signed(position & ((1 << 144) - 1), 144)
    fields = ((position - cost) % _WORD) >> 144
    return Leg(
        size=_signed(fields >> 56, 56),
        cost=cost,
        leverage=(fields >> 48) & 0xFF,
        birth=(fields >> 24) & 0xFFFFFF,
        holder=fields & 0xFFFFFF,
        bids=resting >> 128,
        asks=resting & ((1 << 128) - 1),
    )


def _signed(value: int, bits: int) -> int:
    return value - (1 << bits) if value >> (bits - 1) else value
