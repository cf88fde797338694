"""The most levered are brought down to one common leverage."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spillway.model.policies.share import FULL, part, rate, weight

if TYPE_CHECKING:
    from spillway.model.policies.candidate import Candidate, Side
    from spillway.model.policies.share import Asked

FIRST = 2**80  # a rate at which who has nothing to spare is closed whole


def quota(_: Side, asked: Asked, candidate: Candidate, level: int) -> int:
    """Return the lots beyond those that equity, less the loss of closing all, can keep."""
    size, at = candidate.size, rate(level, candidate)
    spare = weight(candidate.equity - asked.loss * size)
    if not spare:
        return part(size, size, at)
    return size - part(spare, size, max(FULL - max(at - FIRST, 0), 0))
