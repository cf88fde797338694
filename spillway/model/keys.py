"""What a queue is sorted by: tier, then the policy's score, then the account."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from spillway.model.policies import Candidate

TIER_1 = 2**255
MAX_SCORE = 2**199 - 1
SCORE_SHIFT = 56
ACCOUNT_SHIFT = 24
LAST_ACCOUNT = 2**32 - 1


def tier_1(candidate: Candidate, *, everyone: bool = False) -> bool:
    """Return whether it is solvent, and in profit unless the price holds for everyone."""
    return candidate.equity > 0 and (everyone or candidate.pnl > 0)


def rank_key(candidate: Candidate, score: int, *, everyone: bool = False) -> int:
    """Return what the queue is sorted by, descending: tier, then score, then the lower id."""
    tier = TIER_1 if tier_1(candidate, everyone=everyone) else 0
    points = min(score, MAX_SCORE) << SCORE_SHIFT
    return tier | points | (LAST_ACCOUNT - candidate.account) << ACCOUNT_SHIFT | candidate.place


def account_of(key: int) -> int:
    """Return the account that a key ranks."""
    return LAST_ACCOUNT - (key >> ACCOUNT_SHIFT & LAST_ACCOUNT)
