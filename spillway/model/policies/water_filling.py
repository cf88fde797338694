"""The most levered are brought down to one common leverage."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spillway.model.policies.share import FULL, part, rate, weight

if TYPE_CHECKING:
    from spillway.model.policies.candidate import Candidate, Side
    from spillway.model.policies.share import Asked

FIRST = 2**80  # a rate at which who has nothing to spare is closed whole
MAX_NET = 2**79  # lots that other markets count for, at most


def quota(side: Side, asked: Asked, candidate: Candidate, level: int) -> int:
    """Return the lots beyond those that equity, less the loss of closing all, can keep.

    Exposure to the same side in other markets counts as lots that it keeps already; a hedge is
    closed last.
    """
    size, at = candidate.size, rate(level, candidate)
    spare = weight(candidate.equity - asked.loss * size)
    if not spare:
        return part(size, size, at)
    worth = candidate.others // side.mark
    net = max(min(worth if side.longs else -worth, MAX_NET), -MAX_NET)
    fallen = max(at - FIRST, 0)
    kept = (spare * max(FULL - fallen, 0) >> 80) - max(net, 0)
    hedge = min(max(-net, 0), size)
    kept = max(kept, 0) + hedge - part(hedge, hedge, max(fallen - FULL, 0))
    return size - min(kept, size)
