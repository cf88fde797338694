"""The pool's storage, read slot by slot: what stands there, without a view in between.

A block of a run is judged by all accounts, and a view call for each would take longer than to
mine it.
The slots come from the compiler, the layout of a word from `model.words`.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from spillway.engines.hashing import keccak
from spillway.model.words import HIGH, LOW_MARKETS, Account, decode_dump, set_bits

if TYPE_CHECKING:
    from spillway.build import Artifact
    from spillway.engines import Contract

ENTRIES = 8  # of a holder list in a word
ENTRY_BITS = 32
HOLE = 1 << 31
LIST_BITS = 64  # longs in the low part of a word, shorts above
WORD = 2**256


class PoolStorage:
    """What the pool keeps of accounts, holder lists, schedules and charges."""

    def __init__(self, pool: Contract, artifact: Artifact) -> None:
        self._pool = pool
        self._slots = artifact.slots

    def count(self) -> int:
        """Number of accounts; ids count from 1."""
        return self._read(self._slots["accounts.count"])

    def account(self, number: int) -> Account:
        """One account."""
        word = self._entry("accounts.words", number)
        stream, legs = [word], word & ((1 << LOW_MARKETS) - 1)
        if (word >> LOW_MARKETS) & HIGH:
            stream.append(self._entry("accounts.high_legs", number))
            legs |= stream[-1] << LOW_MARKETS
        for market in set_bits(legs):
            stream.append(self._entry("positions.words", number, market))
            stream.append(self._entry("positions.resting", number, market))
        (account,) = decode_dump(stream, number)
        return account

    def owner(self, number: int) -> int:
        """The word that says whose an account is, where it is isolated, since when it is flat."""
        return self._entry("accounts.owners", number)

    def holders(self, market: int, *, longs: bool) -> list[int]:
        """The holder list of a side, 0 for a hole."""
        word = self._entry("positions.lists", market)
        length = (word >> (0 if longs else LIST_BITS)) & (2**ENTRY_BITS - 1)
        side = (market << 1 | longs) << ENTRY_BITS
        found: list[int] = []
        for page in range(-(-length // ENTRIES)):
            word = self._entry("positions.holders", side | page)
            found += (word >> ENTRY_BITS * n & (2**ENTRY_BITS - 1) for n in range(ENTRIES))
        return [0 if entry & HOLE else entry for entry in found[:length]]

    def seat(self, market: int, *, longs: bool, place: int) -> int:
        """Who stands at a place of the holder list of a side; 0 for a hole."""
        page = (market << 1 | longs) << ENTRY_BITS | place // ENTRIES
        entry = self._entry("positions.holders", page) >> ENTRY_BITS * (place % ENTRIES)
        return 0 if entry & HOLE else entry & (2**ENTRY_BITS - 1)

    def charges(self, market: int) -> tuple[int, int, int]:
        """What a lot long and a lot short have been charged, and the pot; quote, signed."""
        first = map_slot(self._slots["markets.charges"], market)
        pot = self._entry("markets.pots", market)
        return self._read(first), self._read(first + 1), pot - WORD if pot >> 255 else pot

    def schedules(self, market: int) -> tuple[int, int]:
        """Return the schedule of what stands, and that of new risk once levers have told one."""
        return self._entry("markets.schedules", market), self._entry("markets.entries", market)

    def _entry(self, name: str, *keys: int) -> int:
        slot = self._slots[name]
        for key in keys:
            slot = map_slot(slot, key)
        return self._read(slot)

    def _read(self, slot: int) -> int:
        return self._pool.engine.storage_at(self._pool.address, slot)


@lru_cache(maxsize=2**16)
def map_slot(slot: int, key: int) -> int:
    """Where Vyper keeps a map's entry: keccak256(slot . key)."""
    return int.from_bytes(keccak(slot.to_bytes(32, "big") + key.to_bytes(32, "big")), "big")
