"""The level at which the quotas of a share policy add up to what is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spillway.model.policies.share import MAX_LEVEL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spillway.model.policies import Asked, Candidate, Quota, Side


def level_of(quota: Quota, side: Side, asked: Asked, found: Sequence[Candidate]) -> int:
    """Return the lowest level at which the quotas add up to `asked.lots` or more.

    They do so exactly, unless the whole side has less: then everybody is closed whole. Holders
    whose quota is the same at both ends of what is left of the search are not asked again.
    """
    low, high, lots = 0, MAX_LEVEL, asked.lots
    rest = [(each, 0, each.size) for each in found]  # quotas at least, at most
    while low < high:
        middle = _between(low, high)
        given = [quota(side, asked, each, middle) for each, _, _ in rest]
        if sum(given) >= lots:
            high = middle
            rest = [(*row[:2], now) for row, now in zip(rest, given, strict=True)]
        else:
            low = middle + 1
            rest = [(row[0], now, row[2]) for row, now in zip(rest, given, strict=True)]
        lots -= sum(least for _, least, most in rest if least == most)
        rest = [row for row in rest if row[1] != row[2]]
    return low


def _between(low: int, high: int) -> int:
    """Return a level from `low` to below `high`: by length in bits while these are far apart."""
    bits = low.bit_length() + high.bit_length()
    if bits // 2 > low.bit_length():
        return (1 << bits // 2) - 1
    return (low + high) // 2
