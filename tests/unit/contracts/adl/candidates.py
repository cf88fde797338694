"""Candidates drawn by chance, and at the ends of every range."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

from spillway.model.policies import Candidate, Side

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random

SETS = 1_000
PAGE = 32

# What a pool can come up with: sizes below 2**54, prices below 2**80, |F| below 2**86.
LOTS = 2**54 - 1
NOTIONAL = LOTS * (2**80 - 1)
COST = 2**141
EQUITY = 2**152
HOLDERS = 2**24


def amount(rng: Random, most: int) -> int:
    """Any magnitude up to a bound is as likely as any other; 0 happens."""
    return min(rng.randrange(2 ** rng.randrange(most.bit_length() + 1)), most)


def draw(rng: Random, side: Side) -> Candidate:
    return Candidate(
        account=rng.randrange(3, 2**32),
        size=max(amount(rng, LOTS), 1),
        pnl=amount(rng, COST) * rng.choice((1, -1)),
        equity=amount(rng, EQUITY) * rng.choice((1, 1, -1)),
        notional=max(amount(rng, NOTIONAL), 1),
        entry_notional=max(amount(rng, COST), 1),
        place=rng.randrange(side.length),
        others=amount(rng, EQUITY) * rng.choice((0, 1, -1)),
    )


def draw_side(rng: Random) -> Side:
    return Side(
        market=rng.randrange(256),
        longs=rng.random() < 0.5,
        mark=rng.randrange(1, 2**80),
        previous_mark=rng.randrange(1, 2**80),
        funding=rng.randrange(-(2**86), 2**86),
        length=max(amount(rng, HOLDERS), 1),
        seed=rng.randrange(2**256),
    )


def draw_set(rng: Random) -> tuple[Side, list[Candidate]]:
    """A side, and up to a page of its holders."""
    side = draw_side(rng)
    return side, [draw(rng, side) for _ in range(rng.randrange(PAGE + 1))]


def row(c: Candidate) -> tuple[int, ...]:
    """A candidate as contracts take it."""
    return c.account, c.place, c.size, c.pnl, c.equity, c.notional, c.entry_notional, c.others


def extremes() -> Iterator[Candidate]:
    fields = {
        "account": (3, 2**32 - 1),
        "size": (1, LOTS),
        "pnl": (-COST, -1, 0, 1, COST),
        "equity": (-EQUITY, -1, 0, 1, EQUITY),
        "notional": (1, NOTIONAL),
        "entry_notional": (1, COST),
        "place": (0, HOLDERS - 1),
        "others": (-EQUITY, -1, 0, EQUITY),
    }
    for values in product(*fields.values()):
        yield Candidate(**dict(zip(fields, values, strict=True)))
