"""Ranking policies: equal to their twins on any candidate, and ranking by what they say."""

from __future__ import annotations

from dataclasses import astuple, replace
from fractions import Fraction
from typing import TYPE_CHECKING

import pytest

from spillway.build import CONTRACTS
from spillway.model.policies import QUEUES, SHARES, Candidate, Side, contract_name
from spillway.model.policies.ratios import CEILING, FLOOR, NO_GAIN, ONE
from tests.bench import USD
from tests.rng import seeded
from tests.unit.contracts.adl.candidates import (
    COST,
    HOLDERS,
    NOTIONAL,
    PAGE,
    SETS,
    draw,
    draw_set,
    extremes,
    row,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spillway.build import Artifacts
    from spillway.engines import Address, Contract, Engine

SCORES = 2**199


@pytest.fixture(scope="module")
def policies(engine: Engine, artifacts: Artifacts, admin: Address) -> dict[str, Contract]:
    return {name: engine.deploy(artifacts[contract_name(name)], sender=admin) for name in QUEUES}


def scores(policy: Contract, side: Side, found: Sequence[Candidate]) -> list[int]:
    """What a policy says of candidates, in their order."""
    return list(policy.call.scores(astuple(side), [row(each) for each in found]))


@pytest.fixture(scope="module")
def sets() -> list[tuple[Side, list[Candidate]]]:
    """1,000 sets of up to 32 holders of one side, the same for every policy."""
    rng = seeded("policies")
    return [draw_set(rng) for _ in range(SETS)]


def check(policy: Contract, name: str, side: Side, found: Sequence[Candidate]) -> None:
    """Contract and twin say the same, within the bounds of a score."""
    got = scores(policy, side, found)
    assert got == [QUEUES[name](side, candidate) for candidate in found]
    assert all(score < SCORES for score in got)


def test_every_policy_is_one_contract_and_one_twin() -> None:
    contracts = {path.stem for path in (CONTRACTS / "adl").glob("*.vy")}
    assert contracts == {contract_name(name) for name in (*QUEUES, *SHARES)}


@pytest.mark.parametrize("name", QUEUES)
def test_a_policy_scores_as_its_twin_does(
    policies: dict[str, Contract], sets: list[tuple[Side, list[Candidate]]], name: str
) -> None:
    assert len(sets) == SETS
    for side, found in sets:
        check(policies[name], name, side, found)


@pytest.mark.parametrize("name", QUEUES)
@pytest.mark.parametrize("seed", [0, 2**256 - 1])
def test_a_policy_scores_as_its_twin_does_at_the_ends_of_every_range(
    policies: dict[str, Contract], name: str, seed: int
) -> None:
    side = Side(255, True, 2**80 - 1, 2**80 - 1, -(2**86) + 1, HOLDERS, seed)
    found = list(extremes())
    for start in range(0, len(found), PAGE):
        check(policies[name], name, side, found[start : start + PAGE])


# --- what each says that it ranks by -------------------------------------------------------------

UP, DOWN = 2, Fraction(1, 2)
MORE_PROFIT = ("pnl", UP)
MORE_NOTIONAL = ("notional", UP)
LESS_EQUITY = ("equity", DOWN)
LESS_PAID = ("entry_notional", DOWN)
# What moves a solvent holder in profit forward.
FORWARD = {
    "hyperliquid_queue": (MORE_PROFIT, MORE_NOTIONAL, LESS_EQUITY, LESS_PAID),
    "hyperliquid_docs_queue": (MORE_NOTIONAL, LESS_EQUITY, LESS_PAID),
    "profit_queue": (MORE_PROFIT,),
    "leverage_queue": (MORE_NOTIONAL, LESS_EQUITY),
    "size_queue": (MORE_NOTIONAL,),
    "profit_leverage_size_queue": (MORE_PROFIT, MORE_NOTIONAL, LESS_EQUITY, LESS_PAID),
    "binance_queue": (MORE_PROFIT, MORE_NOTIONAL, LESS_EQUITY),
    "bybit_queue": (MORE_PROFIT, LESS_EQUITY),
    "bitmex_queue": (MORE_PROFIT, MORE_NOTIONAL, LESS_EQUITY, LESS_PAID),
    "ethereal_queue": (MORE_PROFIT, MORE_NOTIONAL, LESS_EQUITY, ("account", UP)),
    "largest_position_queue": (("size", UP),),
    "random_start": (),
}

SIDE = Side(0, longs=False, mark=80, previous_mark=82, funding=0, length=8)
# A short of 4 lots at 100, worth 80 a lot now, in an account worth 160: leverage 2, profit 20 %.
PLAIN = Candidate(
    3, 4, pnl=80 * USD, equity=160 * USD, notional=320 * USD, entry_notional=400 * USD
)


def moved(candidate: Candidate, field: str, by: int | Fraction) -> Candidate:
    value = {field: int(getattr(candidate, field) * by)}
    return replace(candidate, **value)


@pytest.mark.parametrize("name", QUEUES)
def test_what_a_policy_ranks_by_moves_a_holder_forward_and_nothing_else_does(
    policies: dict[str, Contract], name: str
) -> None:
    changes = {
        change: moved(PLAIN, *change)
        for change in (MORE_PROFIT, MORE_NOTIONAL, LESS_EQUITY, LESS_PAID, ("size", UP))
    }
    changes["account", UP] = moved(PLAIN, "account", UP)
    before, *after = scores(policies[name], SIDE, [PLAIN, *changes.values()])
    forward = {change for change, score in zip(changes, after, strict=True) if score > before}
    same = {change for change, score in zip(changes, after, strict=True) if score == before}
    assert forward == set(FORWARD[name])
    assert same == set(changes) - forward


def solvent(candidate: Candidate) -> Candidate:
    """The same in profit, with equity, and with room for twice the account's id."""
    return replace(
        candidate,
        account=candidate.account // 2,
        pnl=abs(candidate.pnl) + 1,
        equity=abs(candidate.equity) + 2,
        entry_notional=candidate.entry_notional + 1,
    )


@pytest.mark.parametrize("name", QUEUES)
def test_what_a_policy_ranks_by_never_moves_a_holder_back(
    policies: dict[str, Contract], name: str
) -> None:
    rng = seeded(name)
    for field, by in FORWARD[name]:
        for _ in range(20):
            found = [draw(rng, SIDE) for _ in range(PAGE // 2)]
            held = [solvent(c) for c in found]
            ahead = [moved(c, field, by) for c in held]
            told = scores(policies[name], SIDE, held + ahead)
            pairs = zip(told[: len(held)], told[len(held) :], strict=True)
            assert all(before <= after for before, after in pairs)


SIGNED = ("profit_queue", "binance_queue", "bybit_queue", "bitmex_queue")


@pytest.mark.parametrize("name", SIGNED)
def test_small_losses_rank_before_great_ones_and_every_gain_before_both(
    policies: dict[str, Contract], name: str
) -> None:
    amounts = (80, 1, 0, -1, -80)
    told = scores(policies[name], SIDE, [replace(PLAIN, pnl=usd * USD) for usd in amounts])
    assert told == sorted(set(told), reverse=True)
    assert told[2] == NO_GAIN


@pytest.mark.parametrize("name", ["leverage_queue", "binance_queue", "bybit_queue", "bitmex_queue"])
@pytest.mark.parametrize("equity", [0, -1, -(10**30)])
@pytest.mark.parametrize("pnl", [10**40, 0, -1])
def test_an_account_without_equity_ranks_last(
    policies: dict[str, Contract], name: str, equity: int, pnl: int
) -> None:
    poor = replace(PLAIN, equity=equity, pnl=pnl)
    hopeless = replace(PLAIN, equity=10**6 * USD, pnl=-COST)
    told = scores(policies[name], SIDE, [poor, hopeless])
    assert told[0] == 0 < told[1]


# --- known answers -------------------------------------------------------------------------------


def test_hyperliquids_queue_is_leverage_times_profit(policies: dict[str, Contract]) -> None:
    (score,) = scores(policies["hyperliquid_queue"], SIDE, [PLAIN])
    assert score == (2 * ONE) * (ONE // 5)


@pytest.mark.parametrize("equity", [0, -1, -(10**30)])
def test_hyperliquids_queue_counts_no_equity_as_the_least_leverage(
    policies: dict[str, Contract], equity: int
) -> None:
    (score,) = scores(policies["hyperliquid_queue"], SIDE, [replace(PLAIN, equity=equity)])
    assert score == FLOOR * (ONE // 5)


@pytest.mark.parametrize("pnl", [0, -1, -(10**30)])
def test_hyperliquids_queue_counts_no_profit_as_the_least_profit(
    policies: dict[str, Contract], pnl: int
) -> None:
    (score,) = scores(policies["hyperliquid_queue"], SIDE, [replace(PLAIN, pnl=pnl)])
    assert score == (2 * ONE) * FLOOR


def test_factors_have_a_ceiling(policies: dict[str, Contract]) -> None:
    rich = Candidate(3, 1, pnl=COST, equity=1, notional=NOTIONAL, entry_notional=1)
    for name in ("hyperliquid_queue", "hyperliquid_docs_queue"):
        assert scores(policies[name], SIDE, [rich]) == [CEILING * CEILING]
    assert scores(policies["bitmex_queue"], SIDE, [rich]) == [NO_GAIN + CEILING * CEILING]


def test_the_documented_index_is_mark_over_entry_times_leverage(
    policies: dict[str, Contract],
) -> None:
    policy = policies["hyperliquid_docs_queue"]
    assert scores(policy, SIDE, [PLAIN]) == [(ONE * 320 // 400) * (2 * ONE)]
    assert scores(policy, SIDE, [replace(PLAIN, equity=0)]) == [0]


def test_the_documented_index_puts_the_shorts_that_won_most_last(
    policies: dict[str, Contract],
) -> None:
    """To the letter: the more a short has won, the smaller mark / entry. Longs rank as meant."""
    little = replace(PLAIN, pnl=20 * USD, entry_notional=340 * USD)
    much = replace(PLAIN, pnl=480 * USD, entry_notional=800 * USD)
    docs, queue = (policies[f"hyperliquid_{name}"] for name in ("docs_queue", "queue"))
    assert falls(docs, little, much)
    assert falls(queue, much, little)
    long_little = replace(PLAIN, pnl=20 * USD, entry_notional=300 * USD)
    long_much = replace(PLAIN, pnl=160 * USD, entry_notional=160 * USD)
    assert falls(docs, long_much, long_little)


def falls(policy: Contract, *found: Candidate) -> bool:
    """Whether the candidates stand in the order of the queue."""
    told = scores(policy, SIDE, found)
    return told == sorted(set(told), reverse=True)


def winner(collateral: int) -> Candidate:
    """Long one lot from 100 USD at a mark of 200, with this much collateral in USD."""
    equity = (collateral + 100) * USD
    return Candidate(
        3, 1, pnl=100 * USD, equity=equity, notional=200 * USD, entry_notional=100 * USD
    )


def test_binances_score_is_return_on_collateral_times_leverage(
    policies: dict[str, Contract],
) -> None:
    """Openhl's score is pnl/collateral * notional/(collateral + pnl): 10,000 and 26,666 bps."""
    told = scores(policies["binance_queue"], SIDE, [winner(100), winner(50)])
    assert [(score - NO_GAIN) * 10_000 // ONE**2 for score in told] == [10_000, 26_666]


def test_binances_score_takes_a_collateral_below_1_usd_for_1_usd(
    policies: dict[str, Contract],
) -> None:
    """All that was paid in is withdrawn, or half a dollar is left: 100 x leverage 2."""
    found = [replace(winner(0), equity=100 * USD), replace(winner(0), equity=90 * USD)]
    told = scores(policies["binance_queue"], SIDE, found)
    assert [score - NO_GAIN for score in told] == [
        100 * ONE * (2 * ONE),
        100 * ONE * (200 * ONE // 90),
    ]


def test_bitmexs_score_is_profit_percentage_times_effective_leverage(
    policies: dict[str, Contract],
) -> None:
    """10 lots from 100 to 110 with 55 of equity: 10 % * 1,100 / 55; to 90 with 45: -10 % / 20."""
    gain = Candidate(3, 10, 100 * USD, 55 * USD, 1_100 * USD, 1_000 * USD)
    loss = Candidate(4, 10, -100 * USD, 45 * USD, 900 * USD, 1_000 * USD)
    told = scores(policies["bitmex_queue"], SIDE, [gain, loss])
    assert [Fraction(score - NO_GAIN, ONE**2) for score in told] == [2, Fraction(-1, 200)]


def test_bybits_score_is_the_return_on_collateral(policies: dict[str, Contract]) -> None:
    loser = replace(winner(50), pnl=-25 * USD, equity=25 * USD)
    told = scores(policies["bybit_queue"], SIDE, [winner(100), winner(50), loser])
    assert [Fraction(score - NO_GAIN, ONE) for score in told] == [1, 2, Fraction(-1, 2)]


def test_the_three_measures_are_multiplied(policies: dict[str, Contract]) -> None:
    """20 % * 2 * 320 USD, size in 1e-6 USD; without profit 1e-8 stands for the 20 %."""
    told = scores(policies["profit_leverage_size_queue"], SIDE, [PLAIN, replace(PLAIN, pnl=0)])
    assert told == [2 * ONE // 5 * 320 * 10**6, 2 * FLOOR * 320 * 10**6]


def test_ethereals_four_measures_rank_in_strict_order(policies: dict[str, Contract]) -> None:
    """A later measure counts only where all before it are equal."""
    leverage = replace(PLAIN, equity=159 * USD, pnl=USD)
    profit = replace(PLAIN, pnl=81 * USD, equity=160 * USD)
    # Half of both notional and equity: the same leverage, less behind it.
    low_balance = replace(PLAIN, equity=PLAIN.equity // 2, notional=PLAIN.notional // 2)
    newest = replace(PLAIN, account=9)
    newer = replace(PLAIN, account=8)
    assert falls(policies["ethereal_queue"], leverage, profit, low_balance, newest, newer, PLAIN)


def test_whales_are_first_by_notional_or_by_lots(policies: dict[str, Contract]) -> None:
    found = [replace(PLAIN, size=4 * n, notional=320 * n * USD) for n in (9, 3, 2, 1)]
    for name in ("size_queue", "largest_position_queue"):
        assert falls(policies[name], *found)


# --- random start --------------------------------------------------------------------------------


def walk(policy: Contract, length: int, seed: int) -> list[int]:
    """Places in the order in which they are hit."""
    side = replace(SIDE, length=length, seed=seed)
    found = [replace(PLAIN, place=place) for place in range(length)]
    told = dict(zip(range(length), scores(policy, side, found), strict=True))
    return sorted(told, key=told.__getitem__, reverse=True)


def test_the_walk_goes_on_from_its_start_and_around(policies: dict[str, Contract]) -> None:
    policy = policies["random_start"]
    assert walk(policy, 5, 0) == [0, 1, 2, 3, 4]
    assert walk(policy, 5, 2**256 * 3 // 5 + 2**128) == [3, 4, 0, 1, 2]
    assert walk(policy, 5, 2**256 - 1) == [4, 0, 1, 2, 3]


def test_every_place_is_the_start_for_its_share_of_the_seeds(
    policies: dict[str, Contract],
) -> None:
    seeds = [2**256 // 60 * n + 2**200 for n in range(60)]
    starts = [walk(policies["random_start"], 12, seed)[0] for seed in seeds]
    assert starts == [n // 5 for n in range(60)]


def test_who_adds_holders_moves_the_start_by_no_more_places_than_that(
    policies: dict[str, Contract],
) -> None:
    rng = seeded("start")
    for _ in range(50):
        seed, length, added = rng.randrange(2**256), rng.randrange(1, 20), rng.randrange(1, 12)
        before = walk(policies["random_start"], length, seed)[0]
        after = walk(policies["random_start"], length + added, seed)[0]
        assert before <= after <= before + added
