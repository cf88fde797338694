"""Scores of auto-deleveraging: who stands in front. Bit-exact twins of the ranking policies."""

from collections.abc import Callable
from dataclasses import dataclass

SCALE = 10**18
FLOOR = 10**10  # 1e-8 in SCALE: what a factor is worth without profit or without equity
CAP = 2**98  # of each factor: a score stays below 2**199, above the account and its place

TIER_1 = 2**255
MAX_SCORE = 2**199 - 1
SCORE_SHIFT = 56
ACCOUNT_SHIFT = 24
LAST_ACCOUNT = 2**32 - 1


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
    """

    account: int
    size: int
    pnl: int
    equity: int
    notional: int
    entry_notional: int
    place: int = 0


Score = Callable[[Candidate], int]


def hyperliquid_queue(candidate: Candidate) -> int:
    """Return leverage * return, each at least 1e-8: the form of the binary."""
    leverage = FLOOR
    if candidate.equity > 0:
        leverage = max(candidate.notional * SCALE // candidate.equity, FLOOR)
    gain = FLOOR
    if candidate.pnl > 0:
        gain = max(candidate.pnl * SCALE // candidate.entry_notional, FLOOR)
    return min(leverage, CAP) * min(gain, CAP)


def hyperliquid_docs_queue(candidate: Candidate) -> int:
    """Return (mark / entry) * (notional / account value), as documented: inverted for shorts."""
    ratio = candidate.notional * SCALE // candidate.entry_notional
    leverage = 0
    if candidate.equity > 0:
        leverage = candidate.notional * SCALE // candidate.equity
    return min(ratio, CAP) * min(leverage, CAP)


def tier_1(candidate: Candidate) -> bool:
    """Return whether it is in profit and solvent, and so closed at the previous mark."""
    return candidate.pnl > 0 and candidate.equity > 0


def rank_key(candidate: Candidate, score: Score) -> int:
    """Return what the queue is sorted by, descending: tier, then score, then the lower id."""
    tier = TIER_1 if tier_1(candidate) else 0
    points = min(score(candidate), MAX_SCORE) << SCORE_SHIFT
    return tier | points | (LAST_ACCOUNT - candidate.account) << ACCOUNT_SHIFT | candidate.place
