"""Keys: what a queue is sorted by."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spillway.model.keys import MAX_SCORE, TIER_1, rank_key
from spillway.model.policies import QUEUES, Candidate, Score, Side

PLAIN = Candidate(account=3, size=4, pnl=300, equity=250, notional=500, entry_notional=800)
SIDE = Side(0, longs=False, mark=125, previous_mark=130, funding=0, length=2**24, seed=2**255)

candidates = st.builds(
    Candidate,
    account=st.integers(3, 2**32 - 1),
    size=st.integers(1, 2**54),
    pnl=st.integers(-(2**141), 2**141),
    equity=st.integers(-(2**151), 2**151),
    notional=st.integers(1, 2**134),
    entry_notional=st.integers(1, 2**141),
    place=st.integers(0, 2**24 - 1),
)


@pytest.mark.parametrize("score", QUEUES.values(), ids=QUEUES)
@given(candidate=candidates)
def test_a_key_keeps_score_account_and_tier_apart(score: Score, candidate: Candidate) -> None:
    points = score(SIDE, candidate)
    key = rank_key(candidate, points)
    assert 0 <= points <= MAX_SCORE
    assert key < 2**256
    assert (key >= TIER_1) == (candidate.pnl > 0 and candidate.equity > 0)
    assert key % 2**24 == candidate.place
    assert 2**32 - 1 - (key >> 24) % 2**32 == candidate.account
    assert (key % TIER_1) >> 56 == points


def test_where_the_price_holds_for_everyone_profit_does_not_count() -> None:
    loss = replace(PLAIN, pnl=-1)
    assert rank_key(loss, 5, everyone=True) >= TIER_1 > rank_key(loss, 5)
    assert rank_key(replace(loss, equity=0), 5, everyone=True) < TIER_1


def test_a_score_without_bounds_does_not_reach_the_tier() -> None:
    key = rank_key(replace(PLAIN, pnl=-1), 2**256)
    assert key < TIER_1
    assert key >> 56 == 2**199 - 1


def test_equal_scores_rank_the_lower_account_first() -> None:
    keys = [rank_key(replace(PLAIN, account=n), 10**36) for n in (7, 5, 9)]
    assert sorted(keys, reverse=True) == [keys[1], keys[0], keys[2]]


@pytest.mark.parametrize("score", QUEUES.values(), ids=QUEUES)
def test_any_winner_ranks_before_any_other_holder(score: Score) -> None:
    winner = Candidate(9, 1, pnl=1, equity=2**151, notional=1, entry_notional=2**141)
    other = Candidate(3, 1, pnl=2**141, equity=-1, notional=2**134, entry_notional=1)
    assert rank_key(winner, score(SIDE, winner)) > rank_key(other, score(SIDE, other))
