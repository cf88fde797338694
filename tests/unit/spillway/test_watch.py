"""The watch finds whom weighing everybody finds, whatever prices and accounts do."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from spillway.invariants import Snapshot
from spillway.model import margin
from spillway.model.margin import Market, Tier
from spillway.model.words import Account, Leg
from spillway.watch import Watch

USD = 10**18
MARKETS = 3
TIERS = ((Tier(0, 40), Tier(1_000, 5)), (Tier(0, 3),), (Tier(0, 10), Tier(50, 2), Tier(5_000, 1)))
SIZES = st.integers(-500, 500)


def market(number: int, mark: int = 100 * USD, funding: int = 0) -> Market:
    return Market(TIERS[number], 0, 60, 10**6, mark=mark, funding=funding)


def snapshot(accounts: dict[int, Account], markets: list[Market]) -> Snapshot:
    return Snapshot(0, accounts, markets, 0, 0, 0, 0)


def weak(now: Snapshot) -> list[int]:
    """Whoever has a position and less equity than maintenance, found one by one."""
    return [
        number
        for number, held in now.accounts.items()
        if any(leg.size for leg in held.legs.values()) and margin.liquidatable(held, now.markets)
    ]


def account(number: int, stored: int, sizes: dict[int, int]) -> Account:
    legs = {market: Leg(size=size, bids=1) for market, size in sorted(sizes.items())}
    return Account(number, stored, 0, legs)


HOLDINGS = st.tuples(
    st.integers(-10_000 * USD, 60_000 * USD),
    st.dictionaries(st.integers(0, MARKETS - 1), SIZES, max_size=MARKETS),
)
MOVES = st.lists(
    st.tuples(
        st.lists(st.integers(1, 300 * USD), min_size=MARKETS, max_size=MARKETS),
        st.lists(st.integers(-20 * USD, 20 * USD), min_size=MARKETS, max_size=MARKETS),
        st.dictionaries(st.integers(3, 12), HOLDINGS, max_size=2),
    ),
    max_size=6,
)
NEAR = st.lists(
    st.tuples(
        st.lists(st.integers(95 * USD, 105 * USD), min_size=MARKETS, max_size=MARKETS),
        st.lists(st.integers(-USD, USD), min_size=MARKETS, max_size=MARKETS),
        st.dictionaries(st.integers(3, 12), HOLDINGS, max_size=1),
    ),
    max_size=10,
)


@settings(max_examples=150)
@given(st.lists(HOLDINGS, max_size=10), MOVES | NEAR)
def test_nobody_is_missed(
    holdings: list[tuple[int, dict[int, int]]],
    moves: list[tuple[list[int], list[int], dict[int, tuple[int, dict[int, int]]]]],
) -> None:
    accounts = {n: account(n, *held) for n, held in enumerate(holdings, 3)}
    now = snapshot(accounts, [market(number) for number in range(MARKETS)])
    watch = Watch(now)
    for marks, fundings, changes in moves:
        changed = {n: account(n, *held) for n, held in changes.items()}
        accounts = dict(sorted({**accounts, **changed}.items()))
        markets = [market(n, marks[n], fundings[n]) for n in range(MARKETS)]
        now = replace(snapshot(accounts, markets), changed=frozenset(changed))
        assert set(weak(now)) <= set(watch.suspects(now))
        assert watch.follow(now) == weak(now)


def test_a_look_at_prices_that_may_come_leaves_no_trace() -> None:
    long = account(3, -900 * USD, {0: 10})
    now = snapshot({3: long}, [market(number) for number in range(MARKETS)])
    watch = Watch(now)
    fallen = replace(now, markets=[market(0, 91 * USD), *now.markets[1:]], changed=frozenset())
    back = replace(now, changed=frozenset())
    assert watch.suspects(fallen) == [3]
    assert watch.suspects(back) == []


def test_a_move_touches_those_alone_whose_levels_it_passes() -> None:
    """Longs of 10 at 100 with equity from 300 to 2,000, which a fall to 85 costs 150 each."""
    accounts = {n: account(n, -1_000 * USD + n * 100 * USD, {0: 10}) for n in range(3, 21)}
    now = snapshot(accounts, [market(number) for number in range(MARKETS)])
    watch = Watch(now)
    fallen = replace(now, markets=[market(0, 85 * USD), *now.markets[1:]], changed=frozenset())
    # Of the part for the mark, 7/8 of slack, only the smallest account has used much.
    assert max(watch.suspects(fallen), default=0) < 5
    assert weak(fallen) == []


def test_a_charge_on_a_side_makes_everyone_suspect() -> None:
    accounts = {n: account(n, 0, {0: 10}) for n in (3, 4)} | {5: account(5, 0, {})}
    now = snapshot(accounts, [market(number) for number in range(MARKETS)])
    watch = Watch(now)
    charged = replace(now.markets[0], long_charge=60 * USD)
    later = replace(now, markets=[charged, *now.markets[1:]], changed=frozenset())
    assert watch.suspects(later) == [3, 4]
    assert watch.follow(later) == weak(later)


def test_a_raise_of_maintenance_makes_everyone_suspect() -> None:
    accounts = {n: account(n, -980 * USD, {0: 10}) for n in (3, 4)} | {5: account(5, 0, {})}
    now = snapshot(accounts, [market(number) for number in range(MARKETS)])
    watch = Watch(now)
    assert weak(now) == []
    halved = tuple(
        replace(tier, max_leverage=-(-tier.max_leverage // 2)) for tier in now.markets[0].tiers
    )
    raised = replace(now.markets[0], tiers=halved)
    later = replace(now, markets=[raised, *now.markets[1:]], changed=frozenset())
    assert watch.suspects(later) == [3, 4]
    assert watch.follow(later) == weak(later) == [3, 4]


def test_a_mark_and_funding_that_move_together_are_not_missed() -> None:
    held = account(3, -950 * USD, {0: 10})
    now = snapshot({3: held}, [market(number) for number in range(MARKETS)])
    slack = margin.equity(held, now.markets) - margin.account_maintenance(held, now.markets)
    watch, found = Watch(now), set()
    parts = 64
    for of_mark, of_funding in product(range(parts + 1), repeat=2):
        fall, rise = (slack * part // parts // 10 for part in (of_mark, of_funding))  # ten lots
        moved = market(0, 100 * USD - fall, rise)
        later = replace(now, markets=[moved, *now.markets[1:]], changed=frozenset())
        assert set(weak(later)) <= set(watch.suspects(later))
        found.add(bool(weak(later)))
    assert found == {True, False}
