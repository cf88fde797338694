"""What share policies have in common: from a level to a holder's lots."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

    from spillway.model.policies.candidate import Candidate, Side

MAX_ACCOUNT = 2**32 - 1
MAX_LEVEL = 2**194  # at which every holder is closed whole
MAX_WEIGHT = 2**80 - 1
FULL = 2**160  # a rate at which whoever has a weight is closed whole
UNIT = 10**12  # of weights that are amounts, quote


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be shared.

    Attributes:
        lots: Of the loser.
        open_interest: Lots of the side, at least `lots`.
        loss: Quote per lot that the price takes from a winner against mark; < 0: it gives.
    """

    lots: int
    open_interest: int
    loss: int


Quota: TypeAlias = "Callable[[Side, Asked, Candidate, int], int]"  # the last is the level


def rate(level: int, candidate: Candidate) -> int:
    """Return an account's rate: as the level rises by 1, that of a single account rises by 1."""
    return (min(level, MAX_LEVEL) + MAX_ACCOUNT - candidate.account) >> 32


def weight(amount: int) -> int:
    """Return an amount of quote as a weight: 0 where there is none, else at least 1."""
    return max(min(amount // UNIT, MAX_WEIGHT), 1) if amount > 0 else 0


def part(weight: int, size: int, at: int) -> int:
    """Return the lots of a weight at a rate, at most `size`."""
    return min(size, weight * min(at, FULL) >> 80)


def weighted(weight: int, size: int, at: int) -> int:
    """Return the lots of a holder: by weight, and without one by size, once all others are out."""
    return part(weight, size, at) if weight else part(size, size, max(at - FULL, 0))
