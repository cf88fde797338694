"""What a ranking policy sees: the side that is ranked, and one holder of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeAlias

from eth_hash.auto import keccak


@dataclass(frozen=True, slots=True)
class Side:
    """One side of one market, as it stood when the job was opened.

    Attributes:
        market: Its id.
        longs: Whether the longs are ranked.
        mark: Quote per lot.
        previous_mark: Quote per lot.
        funding: Cumulative funding index F, signed.
        length: Of the holder list, holes included.
        seed: Below 2**256; see `seeded`.
    """

    market: int
    longs: bool
    mark: int
    previous_mark: int
    funding: int
    length: int
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Candidate:
    """What ranking needs to know of one holder of the scanned side.

    Attributes:
        account: Its id.
        size: Lots, unsigned.
        pnl: Quote, at the given mark and funding index, funding included.
        equity: Quote, this leg at the given mark and funding index.
        notional: Quote, of this leg at the given mark.
        entry_notional: Quote, |cost|, at least 1.
        place: In the holder list.
        others: Quote, the account's other legs at their marks, longs less shorts.
    """

    account: int
    size: int
    pnl: int
    equity: int
    notional: int
    entry_notional: int
    place: int = 0
    others: int = 0


Score: TypeAlias = Callable[[Side, Candidate], int]


def seeded(side: Side, epoch: int) -> Side:
    """Return a side with the seed of a job that is opened in `epoch`.

    The seed is keccak256 of what nobody who opens a job has a say in.
    """
    prices = side.mark, side.previous_mark, side.funding % 2**256
    words = (side.market, int(side.longs), *prices, epoch)
    digest = keccak(b"".join(word.to_bytes(32, "big") for word in words))
    return replace(side, seed=int.from_bytes(digest, "big"))
