"""Ranking policies: equal to their twins on any candidate."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spillway.model.scores import (
    CAP,
    FLOOR,
    SCALE,
    Candidate,
    hyperliquid_docs_queue,
    hyperliquid_queue,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spillway.build import Artifacts
    from spillway.engines import Address, Contract, Engine

TWINS = {"HyperliquidQueue": hyperliquid_queue, "HyperliquidDocsQueue": hyperliquid_docs_queue}

# What a pool can come up with: sizes below 2**54, prices up to 2**80, |F| below 2**86.
amounts = st.one_of(st.integers(0, 10**6), st.integers(0, 2**141))
candidates = st.builds(
    Candidate,
    account=st.integers(3, 2**32 - 1),
    size=st.integers(1, 2**54 - 1),
    pnl=st.builds(int.__mul__, amounts, st.sampled_from([1, -1])),
    equity=st.builds(int.__mul__, st.integers(0, 2**152), st.sampled_from([1, -1])),
    notional=st.one_of(st.integers(1, 10**24), st.integers(1, 2**134)),
    entry_notional=st.one_of(st.integers(1, 10**24), st.integers(1, 2**141)),
)


@pytest.fixture(scope="module")
def policies(engine: Engine, artifacts: Artifacts, admin: Address) -> dict[str, Contract]:
    return {name: engine.deploy(artifacts[name], sender=admin) for name in TWINS}


def scores(policy: Contract, found: Sequence[Candidate]) -> list[int]:
    """What a policy says of candidates, in their order."""
    rows = [(c.account, 0, c.size, c.pnl, c.equity, c.notional, c.entry_notional) for c in found]
    return list(policy.call.scores(rows))


@given(found=st.lists(candidates, max_size=32))
@settings(max_examples=80, deadline=None)
@pytest.mark.parametrize("name", TWINS)
def test_a_policy_scores_as_its_twin_does(
    policies: dict[str, Contract], name: str, found: list[Candidate]
) -> None:
    got = scores(policies[name], found)
    assert got == [TWINS[name](candidate) for candidate in found]
    assert all(score < 2**199 for score in got)


# A short of 4 lots at 100, worth 80 a lot now, in an account worth 160: leverage 2, profit 25 %.
PLAIN = Candidate(3, 4, pnl=80, equity=160, notional=320, entry_notional=400)


def test_the_queue_is_leverage_times_profit(policies: dict[str, Contract]) -> None:
    (score,) = scores(policies["HyperliquidQueue"], [PLAIN])
    assert score == (2 * SCALE) * (SCALE // 5)


@pytest.mark.parametrize("equity", [0, -1, -(10**30)])
def test_the_queue_counts_no_equity_as_the_least_leverage(
    policies: dict[str, Contract], equity: int
) -> None:
    (score,) = scores(policies["HyperliquidQueue"], [replace(PLAIN, equity=equity)])
    assert score == FLOOR * (SCALE // 5)


@pytest.mark.parametrize("pnl", [0, -1, -(10**30)])
def test_the_queue_counts_no_profit_as_the_least_profit(
    policies: dict[str, Contract], pnl: int
) -> None:
    (score,) = scores(policies["HyperliquidQueue"], [replace(PLAIN, pnl=pnl)])
    assert score == (2 * SCALE) * FLOOR


def test_factors_have_a_ceiling(policies: dict[str, Contract]) -> None:
    rich = Candidate(3, 1, pnl=2**141, equity=1, notional=2**134, entry_notional=1)
    assert [scores(policy, [rich])[0] for policy in policies.values()] == [CAP * CAP] * 2


def test_the_documented_index_is_mark_over_entry_times_leverage(
    policies: dict[str, Contract],
) -> None:
    (score,) = scores(policies["HyperliquidDocsQueue"], [PLAIN])
    assert score == (SCALE * 320 // 400) * (2 * SCALE)


def test_the_documented_index_puts_the_shorts_that_won_most_last(
    policies: dict[str, Contract],
) -> None:
    """To the letter: the more a short has won, the smaller mark / entry. Longs rank as meant."""
    little = replace(PLAIN, pnl=20, entry_notional=340)
    much = replace(PLAIN, pnl=480, entry_notional=800)
    docs, queue = (policies[name] for name in ("HyperliquidDocsQueue", "HyperliquidQueue"))
    assert scores(docs, [little])[0] > scores(docs, [much])[0]
    assert scores(queue, [little])[0] < scores(queue, [much])[0]

    long_little = replace(PLAIN, pnl=20, entry_notional=300)
    long_much = replace(PLAIN, pnl=160, entry_notional=160)
    assert scores(docs, [long_little])[0] < scores(docs, [long_much])[0]


def test_the_documented_index_of_an_account_without_equity_is_nothing(
    policies: dict[str, Contract],
) -> None:
    (score,) = scores(policies["HyperliquidDocsQueue"], [replace(PLAIN, equity=0)])
    assert score == 0
