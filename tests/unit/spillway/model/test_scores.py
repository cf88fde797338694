"""Scores: exact values, floors, caps, and the order that a rank key gives."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spillway.model.scores import (
    CAP,
    FLOOR,
    SCALE,
    TIER_1,
    Candidate,
    hyperliquid_docs_queue,
    hyperliquid_queue,
    rank_key,
)

PLAIN = Candidate(account=3, size=4, pnl=300, equity=250, notional=500, entry_notional=800)

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


def test_binary_form_is_leverage_times_return() -> None:
    assert hyperliquid_queue(PLAIN) == (2 * SCALE) * (SCALE * 3 // 8)


@pytest.mark.parametrize("field", ["pnl", "equity"])
@pytest.mark.parametrize("value", [0, -1])
def test_binary_form_floors_a_factor_without_profit_or_equity(field: str, value: int) -> None:
    poor = replace(PLAIN, **{field: value})
    other = 2 * SCALE if field == "pnl" else SCALE * 3 // 8
    assert hyperliquid_queue(poor) == FLOOR * other


def test_binary_form_floors_tiny_factors() -> None:
    tiny = Candidate(3, 1, pnl=1, equity=10**12, notional=1, entry_notional=10**12)
    assert hyperliquid_queue(tiny) == FLOOR * FLOOR


def test_documented_form_is_to_the_letter() -> None:
    assert hyperliquid_docs_queue(PLAIN) == (SCALE * 5 // 8) * (2 * SCALE)
    assert hyperliquid_docs_queue(replace(PLAIN, equity=0)) == 0


def test_documented_form_is_inverted_for_shorts() -> None:
    # A short that entered at 1,000 has won more than one that entered at 600, and scores less.
    early = replace(PLAIN, pnl=500, entry_notional=1_000)
    late = replace(PLAIN, pnl=100, entry_notional=600)
    assert hyperliquid_docs_queue(early) < hyperliquid_docs_queue(late)
    assert hyperliquid_queue(early) > hyperliquid_queue(late)


@pytest.mark.parametrize("score", [hyperliquid_queue, hyperliquid_docs_queue])
def test_factors_are_capped(score: type) -> None:
    rich = Candidate(3, 1, pnl=2**141, equity=1, notional=2**134, entry_notional=1)
    assert score(rich) == CAP * CAP


@pytest.mark.parametrize("score", [hyperliquid_queue, hyperliquid_docs_queue])
@given(candidate=candidates)
def test_a_key_keeps_score_account_and_tier_apart(score: type, candidate: Candidate) -> None:
    key = rank_key(candidate, score)
    assert key < 2**256
    assert (key >= TIER_1) == (candidate.pnl > 0 and candidate.equity > 0)
    assert key % 2**24 == candidate.place
    assert 2**32 - 1 - (key >> 24) % 2**32 == candidate.account
    assert (key % TIER_1) >> 56 == score(candidate)


def test_a_score_without_bounds_does_not_reach_the_tier() -> None:
    loser = replace(PLAIN, pnl=-1)
    key = rank_key(loser, lambda _: 2**256)
    assert key < TIER_1
    assert key >> 56 == 2**199 - 1


def test_equal_scores_rank_the_lower_account_first() -> None:
    keys = [rank_key(replace(PLAIN, account=n), hyperliquid_queue) for n in (7, 5, 9)]
    assert sorted(keys, reverse=True) == [keys[1], keys[0], keys[2]]


def test_any_winner_ranks_before_any_other_holder() -> None:
    winner = Candidate(9, 1, pnl=1, equity=2**151, notional=1, entry_notional=2**141)
    other = Candidate(3, 1, pnl=2**141, equity=-1, notional=2**134, entry_notional=1)
    assert rank_key(winner, hyperliquid_queue) > rank_key(other, hyperliquid_queue)
