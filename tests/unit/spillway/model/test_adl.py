"""Rule R: what holds for every deleveraging of any state, and the bearing of gaps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from spillway.model.adl import Hit, Jobs, Outcome, Place, bear_gap, deleverage, queue, split_gap
from spillway.model.margin import Market, Tier
from spillway.model.pool import Pool, Refused, Update
from spillway.model.scores import hyperliquid_docs_queue, hyperliquid_queue
from spillway.units import QUOTE_PER_UNIT

if TYPE_CHECKING:
    from spillway.model.scores import Score

SCORES = (hyperliquid_queue, hyperliquid_docs_queue)
UNIT = QUOTE_PER_UNIT

prices = st.integers(1, 60)


def empty_pool(markets: int, deposits: list[int]) -> tuple[Pool, list[int]]:
    pool = Pool()
    for _ in range(markets):
        pool.list_market(Market((Tier(0, 20), Tier(1, 7)), 0, 60, 2**50))
    accounts = [pool.open_account(str(place)) for place in range(len(deposits))]
    for account, units in zip(accounts, deposits, strict=True):
        if units:
            pool.deposit(account, units)
    return pool, accounts


@st.composite
def pools(draw: st.DrawFn) -> Pool:
    """Draw a state that margin checks would not allow: any trades, any prices, any funding."""
    markets = draw(st.integers(1, 3))
    deposits = draw(st.lists(st.integers(0, 600), min_size=3, max_size=7))
    pool, accounts = empty_pool(markets, deposits)
    for _ in range(draw(st.integers(2, 14))):
        buyer, seller = draw(st.permutations(accounts))[:2]
        market, lots = draw(st.integers(0, markets - 1)), draw(st.integers(1, 9))
        dust = draw(st.integers(-3, 3))
        pool.exchange(market, buyer, seller, lots, lots * draw(prices) * UNIT + dust)
        step(pool, market, draw(prices), draw(st.integers(-2, 2)))
    for funding in (draw(st.integers(-1, 1)), 0):
        pool.mine(15)
        for market in range(markets):
            step(pool, market, draw(prices), funding)
    return pool


def step(pool: Pool, market: int, price: int, funding: int) -> None:
    mark = price * UNIT + price % 7
    pool.advance([Update(market, mark, mark, funding * UNIT + funding)])


def bankrupt(pool: Pool) -> list[int]:
    return [n for n in pool.accounts if pool.equity(n) < 0 and not pool.accounts[n].flat]


def profit(pool: Pool, account: int, market: int) -> int:
    held, leg = pool.markets[market], pool.leg(account, market)
    return leg.size * (held.mark - held.funding) - leg.cost


@given(pools(), st.sampled_from(SCORES), st.booleans())
@settings(max_examples=250, deadline=None)
def test_rule_r_on_any_state(pool: Pool, score: Score, shared: bool) -> None:
    losers = bankrupt(pool)
    assume(losers)
    jobs: Jobs | None = {} if shared else None
    for loser in losers:
        before = pool.copy()
        if pool.accounts[loser].flat:  # it stood against an earlier loser
            assert deleverage(pool, loser, score, jobs).unborne == -before.equity(loser)
        elif pool.equity(loser) < 0:
            check(before, pool, loser, deleverage(pool, loser, score, jobs))


def check(before: Pool, after: Pool, loser: int, outcome: Outcome) -> None:
    check_conserved(after)
    check_loser(before, after, loser, outcome)
    for account in after.accounts:
        if account != loser:
            check_counterparty(before, after, account, outcome)
    check_order(before, after, loser, outcome)


def check_conserved(pool: Pool) -> None:
    for market, held in enumerate(pool.markets):
        sizes = [pool.leg(n, market).size for n in pool.accounts]
        assert sum(sizes) == 0
        assert sum(size for size in sizes if size > 0) == held.open_interest
    assert sum(pool.quote(n) for n in pool.accounts) == pool.custody * UNIT


def check_loser(before: Pool, after: Pool, loser: int, outcome: Outcome) -> None:
    assert after.accounts[loser].flat
    assert outcome.needed == -before.equity(loser)
    final = after.quote(loser)
    assert final == outcome.taken - outcome.needed
    if outcome.gap:
        bearable = 0
        for account in {hit.account for hit in outcome.hits}:
            live = max(after.equity(account) + paid(account, outcome), 0)
            bearable += min(won(before, after, account, outcome), live)
        assert final == -outcome.unborne == -max(outcome.gap - bearable, 0)
    else:
        assert final >= 0


def paid(account: int, outcome: Outcome) -> int:
    return sum(hit.gap for hit in outcome.hits if hit.account == account)


def won(before: Pool, after: Pool, account: int, outcome: Outcome) -> int:
    """Profit at mark that is gone from the positions, less what the price took; per market >= 0."""
    total = 0
    for hit in outcome.hits:
        if hit.account == account:
            gone = profit(before, account, hit.market) - profit(after, account, hit.market)
            total += max(gone - hit.taken, 0)
    return total


def check_counterparty(before: Pool, after: Pool, account: int, outcome: Outcome) -> None:
    was, is_now = before.equity(account), after.equity(account)
    assert is_now >= min(was, 0)
    if was < 0:
        assert is_now == was
    taken = sum(h.taken + h.gap for h in outcome.hits if h.account == account)
    assert is_now == was - taken
    assert paid(account, outcome) <= won(before, after, account, outcome)
    for market in range(len(after.markets)):
        old, new = before.leg(account, market).size, after.leg(account, market).size
        assert old * new >= 0
        assert abs(new) <= abs(old)


def check_order(before: Pool, after: Pool, loser: int, outcome: Outcome) -> None:
    """All counterparties of a market but the last are closed whole."""
    for market, leg in before.accounts[loser].legs.items():
        hits = [hit for hit in outcome.hits if hit.market == market]
        assert sum(hit.lots for hit in hits) == abs(leg.size)
        assert all(after.leg(hit.account, market).size == 0 for hit in hits[:-1])


# --- cases ---------------------------------------------------------------------------------------


def duel(*, mark: int, previous: int, winner_cash: int) -> tuple[Pool, int, int]:
    """Make a pool where the loser, cash 100, bought 10 lots at 50 from one winner."""
    pool, (loser, winner) = empty_pool(1, [100, winner_cash])
    step(pool, 0, 50, 0)
    pool.exchange(0, loser, winner, 10, 500 * UNIT)
    for price in (previous, mark):
        pool.mine(15)
        pool.advance([Update(0, price * UNIT, price * UNIT)])
    return pool, loser, winner


def test_a_solvent_account_is_not_deleveraged() -> None:
    pool, loser, _ = duel(mark=40, previous=50, winner_cash=100)
    assert pool.equity(loser) == 0
    with pytest.raises(Refused, match="not bankrupt"):
        deleverage(pool, loser, hyperliquid_queue)


def test_a_stale_market_is_not_deleveraged() -> None:
    pool, loser, _ = duel(mark=30, previous=45, winner_cash=100)
    pool.mine(61)
    with pytest.raises(Refused, match="stale mark"):
        deleverage(pool, loser, hyperliquid_queue)


def test_a_residue_stays_with_the_loser() -> None:
    pool, loser, winner = duel(mark=39, previous=45, winner_cash=100)
    outcome = deleverage(pool, loser, hyperliquid_queue)
    assert pool.quote(loser) == 50 * UNIT
    assert (outcome.needed, outcome.taken, outcome.gap) == (10 * UNIT, 60 * UNIT, 0)
    assert pool.equity(winner) == 150 * UNIT


def test_the_quote_is_cut_where_the_winner_is_poor() -> None:
    # The winner lost elsewhere: its equity is 5 though it won 110 on these lots.
    pool, loser, winner = duel(mark=39, previous=45, winner_cash=100)
    other = pool.open_account("other")
    pool.list_market(Market((Tier(0, 20),), 0, 60, 2**50))
    pool.advance([Update(1, 50 * UNIT, 50 * UNIT)])
    pool.exchange(1, winner, other, 1, 255 * UNIT)
    assert pool.equity(winner) == 5 * UNIT

    outcome = deleverage(pool, loser, hyperliquid_queue)

    assert outcome.hits[0].lots == 10
    assert outcome.hits[0].quote == 390 * UNIT + 5 * UNIT
    assert pool.equity(winner) == 0
    assert outcome.unborne == 5 * UNIT


def test_two_bankrupts_facing_each_other_close_at_mark() -> None:
    pool, loser, other = duel(mark=35, previous=45, winner_cash=0)
    third = pool.open_account("third")
    pool.move(other, third, 200 * UNIT)  # it owes elsewhere: in profit, but bankrupt

    outcome = deleverage(pool, loser, hyperliquid_queue)

    assert outcome.hits == (Hit(0, other, 10, 350 * UNIT, 0, 150 * UNIT, 0),)
    assert (outcome.gap, outcome.unborne) == (50 * UNIT, 50 * UNIT)
    assert pool.equity(other) == -50 * UNIT


def test_queue_puts_winners_first_and_leaves_out_the_own_side() -> None:
    pool, (long, winner, poor, flat_entry) = empty_pool(1, [1_000, 500, 50, 500])
    step(pool, 0, 50, 0)
    for account, price in ((winner, 50), (poor, 50), (flat_entry, 40)):
        pool.exchange(0, long, account, 4, 4 * price * UNIT)
    pool.mine(15)
    pool.advance([Update(0, 40 * UNIT, 40 * UNIT)])
    shorts = queue(pool, 0, longs=False, score=hyperliquid_queue)
    assert shorts == [Place(poor, 1), Place(winner, 1), Place(flat_entry, 2)]
    assert queue(pool, 0, longs=True, score=hyperliquid_queue) == [Place(long, 2)]


def test_a_queue_is_ranked_once_for_all_losers_of_an_epoch() -> None:
    # `front` gives all its equity for the first loser and would rank last for the second.
    pool, (loser, other, front, second) = empty_pool(1, [10, 10, 20, 100])
    step(pool, 0, 50, 0)
    for account, lots, against in ((front, 2, loser), (front, 1, other), (second, 4, other)):
        pool.exchange(0, against, account, lots, lots * 50 * UNIT)
    pool.move(front, second, 60 * UNIT)
    for price in (45, 30):
        pool.mine(15)
        pool.advance([Update(0, price * UNIT, price * UNIT)])
    again = pool.copy()
    jobs: Jobs = {}
    hits = [deleverage(pool, n, hyperliquid_queue, jobs).hits for n in (loser, other)]
    assert [[hit.account for hit in each] for each in hits] == [[front], [front, second]]
    hits = [deleverage(again, n, hyperliquid_queue).hits for n in (loser, other)]
    assert [[hit.account for hit in each] for each in hits] == [[front], [second, front]]


def test_a_gap_is_split_by_share_with_the_rest_on_the_last() -> None:
    assert split_gap(10, {0: 1, 4: 1, 9: 1}) == {0: 3, 4: 3, 9: 4}


def winners(*gains: int) -> tuple[Pool, list[Hit]]:
    """Make winners of so much each, with cash of 1,000, in one market."""
    pool, accounts = empty_pool(1, [1_000] * len(gains))
    hits = [Hit(0, n, 1, 0, 0, gain) for n, gain in zip(accounts, gains, strict=True)]
    return pool, hits


def test_the_front_of_the_queue_bears_a_small_gap_alone() -> None:
    pool, hits = winners(100, 100)
    assert bear_gap(pool, hits, {0: 80}) == ([80, 0], 1)


def test_what_winners_did_not_win_they_do_not_bear() -> None:
    pool, hits = winners(100)
    assert bear_gap(pool, hits, {0: 250}) == ([100], 2)


def test_a_market_that_cannot_bear_its_part_leaves_it_to_the_others() -> None:
    pool, accounts = empty_pool(2, [1_000, 1_000, 1_000])
    hits = [
        Hit(0, accounts[0], 1, 0, 0, 10),
        Hit(1, accounts[1], 1, 0, 0, 12),
        Hit(1, accounts[2], 1, 0, 0, 30),
    ]
    # The first of the second market bears its 10, so that the other is not asked; then all are.
    assert bear_gap(pool, hits, {0: 25, 1: 10}) == ([10, 12, 13], 2 + 3)


def test_one_account_in_two_markets_pays_out_of_one_equity() -> None:
    pool, (account,) = empty_pool(2, [1])
    pool.credit(account, 30 - UNIT)
    hits = [Hit(0, account, 1, 0, 0, 20), Hit(1, account, 1, 0, 0, 20)]
    assert bear_gap(pool, hits, {0: 18, 1: 18}) == ([18, 12], 2 + 2)
