"""Every invariant passes on a sound venue and finds what a doctored snapshot hides."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from spillway import invariants
from spillway.invariants import Flows, Snapshot
from spillway.model import custody
from spillway.model.adl import deleverage
from spillway.model.adl_index import AdlIndex
from spillway.model.margin import Market, Tier
from spillway.model.policies.hyperliquid_queue import score as hyperliquid_queue
from spillway.model.pool import Pool, Update
from spillway.model.words import DEFICIT, ISOLATED, Leg
from spillway.units import QUOTE_PER_UNIT

UNIT = QUOTE_PER_UNIT
LOSER, WINNER, SAVER, ALONE = 3, 4, 5, 6


def venue() -> Pool:
    """Make a pool: one long, one short, a flat account and an isolated one; two markets."""
    pool = Pool()
    for _ in range(2):
        pool.list_market(Market((Tier(0, 5),), 0, 60, 10**6))
    for owner in ("loser", "winner", "saver"):
        pool.deposit(pool.open_account(owner), 200)
    pool.deposit(pool.open_account("alone", isolated_to=1), 100)
    at(pool, 100)
    pool.exchange(0, LOSER, WINNER, 10, 1_000 * UNIT)
    pool.exchange(1, LOSER, ALONE, 2, 200 * UNIT)
    return pool


def at(pool: Pool, price: int) -> None:
    pool.mine(15)
    pool.advance(Update(market, price * UNIT, price * UNIT, UNIT) for market in (0, 1))


def snapshot(pool: Pool, **changes: Any) -> Snapshot:
    """Take a snapshot of a pool; holder lists as the contract would keep them."""
    accounts = dict(pool.accounts)
    holders: dict[tuple[int, bool], list[int]] = {}
    for market in range(len(pool.markets)):
        for longs in (True, False):
            entries = [0, *pool.holders(market, longs=longs)]
            holders[market, longs] = entries
            for place, number in enumerate(entries[1:], 1):
                legs = dict(accounts[number].legs)
                legs[market] = replace(legs[market], holder=place)
                accounts[number] = replace(accounts[number], legs=legs)
    sound = Snapshot(
        block=pool.block,
        accounts=accounts,
        markets=tuple(pool.markets),
        custody=pool.custody,
        balance=pool.custody,
        deficit=pool.deficit,
        flat_quote=pool.flat_quote[0],
        holders=holders,
    )
    return replace(sound, **changes)


def doctored(now: Snapshot, account: int, market: int | None = None, **changes: Any) -> Snapshot:
    """Change fields of one account, or of one of its legs."""
    held = now.accounts[account]
    if market is None:
        held = replace(held, **changes)
    else:
        leg = replace(held.legs.get(market, Leg()), **changes)
        held = replace(held, legs={**held.legs, market: leg})
    return replace(now, accounts={**now.accounts, account: held})


def doctored_market(now: Snapshot, **changes: Any) -> Snapshot:
    first, *others = now.markets
    return replace(now, markets=(replace(first, **changes), *others))


def found(before: Snapshot, now: Snapshot, flows: Flows | None = None) -> set[str]:
    return {finding.invariant for finding in invariants.check(before, now, flows or Flows())}


# --- sound ---------------------------------------------------------------------------------------


def test_a_sound_venue_has_no_findings() -> None:
    pool = venue()
    now = snapshot(pool)
    assert invariants.check(now, now, Flows()) == []


def test_a_deleveraging_has_no_findings() -> None:
    pool = venue()
    before = snapshot(pool)
    at(pool, 160)
    assert pool.equity(ALONE) < 0
    deleverage(pool, ALONE, hyperliquid_queue)
    flows = Flows(traded={ALONE, LOSER}, liquidated={ALONE})
    assert invariants.check(before, snapshot(pool), flows) == []


@pytest.mark.parametrize("both_sides", [False, True])
@pytest.mark.parametrize("most", [10**6, 10_000])
def test_a_charge_per_lot_has_no_findings(both_sides: bool, most: int) -> None:
    """Prices that leave odd amounts per lot: sizes and quotes sum as before, to the last unit."""
    pool = venue()
    child = pool.open_account("vault", protocol=True)
    at(pool, 161)
    pool.exchange(1, SAVER, LOSER, 1, 161 * UNIT)
    before = snapshot(pool)
    outcome = AdlIndex(pool, child, both_sides, most).close(ALONE)
    assert outcome.charges
    assert (outcome.left > 0) == (pool.deficit > 0) == (most < 10**6)
    flows = Flows(traded={ALONE, child}, liquidated={ALONE})
    assert invariants.check(before, snapshot(pool), flows) == []


def test_a_deficit_has_no_findings() -> None:
    pool = venue()
    before = snapshot(pool)
    at(pool, 160)
    pool.exchange(1, ALONE, LOSER, 2, 320 * UNIT)
    pool.write_off(ALONE)
    assert pool.deficit > 0
    flows = Flows(traded={ALONE, LOSER}, liquidated={ALONE})
    assert invariants.check(before, snapshot(pool), flows) == []


def test_deposits_and_withdrawals_are_their_owners_acts() -> None:
    pool = venue()
    before = snapshot(pool)
    pool.deposit(WINNER, 7)
    custody.request_withdrawal(pool, SAVER, 30)
    at(pool, 100)
    custody.withdraw(pool, SAVER)
    flows = Flows(deposited=7, withdrawn=30, moved={WINNER: 7 * UNIT, SAVER: -30 * UNIT})
    assert invariants.check(before, snapshot(pool), flows) == []


# --- doctored ------------------------------------------------------------------------------------


def test_i_1_finds_a_lot_from_nowhere() -> None:
    now = snapshot(venue())
    wrong = doctored(now, WINNER, 0, size=-11)
    assert list(invariants.sizes_cancel(now)) == []
    (finding,) = invariants.sizes_cancel(wrong)
    assert (finding.invariant, finding.detail) == ("I-1", "market 0: sizes sum to -1 lots")


@pytest.mark.parametrize("change", [1, -1])
def test_i_2_finds_one_unit_of_quote(change: int) -> None:
    now = snapshot(venue())
    wrong = doctored(now, SAVER, stored=now.accounts[SAVER].stored + change)
    assert list(invariants.quotes_are_custody(now)) == []
    (finding,) = invariants.quotes_are_custody(wrong)
    assert finding.detail.endswith(f"= {change} quote")


def test_i_2_counts_pots_and_charges() -> None:
    pool = venue()
    pool.socialize(0, SAVER, 7, longs=True)  # 10 lots: 1 each, 3 stay in the pot
    now = snapshot(pool)
    assert now.markets[0].pot_quote == 3
    assert list(invariants.quotes_are_custody(now)) == []
    assert "I-2" in found(now, doctored_market(now, pot=now.markets[0].pot - 1))


def test_i_3_finds_missing_tokens_and_allows_donations() -> None:
    pool = venue()
    assert list(invariants.custody_is_covered(snapshot(pool, balance=pool.custody + 1))) == []
    (finding,) = invariants.custody_is_covered(snapshot(pool, balance=pool.custody - 1))
    assert finding.detail == f"balance {pool.custody - 1} units, custody {pool.custody}"


def test_i_4_finds_a_flat_account_that_paid() -> None:
    now = snapshot(venue())
    poorer = doctored(now, SAVER, stored=now.accounts[SAVER].stored - 1)
    (finding,) = invariants.flat_accounts_never_pay(now, poorer, Flows())
    assert (finding.accounts, finding.detail) == ((SAVER,), "a flat account lost 1 quote")


@pytest.mark.parametrize("flows", [Flows(traded={SAVER}), Flows(junior={SAVER})])
def test_i_4_speaks_of_seniors_that_did_not_trade(flows: Flows) -> None:
    now = snapshot(venue())
    poorer = doctored(now, SAVER, stored=now.accounts[SAVER].stored - 1)
    assert list(invariants.flat_accounts_never_pay(now, poorer, flows)) == []


def test_i_4_does_not_protect_accounts_with_positions() -> None:
    now = snapshot(venue())
    poorer = doctored(now, WINNER, stored=now.accounts[WINNER].stored - 1)
    assert list(invariants.flat_accounts_never_pay(now, poorer, Flows())) == []


def test_i_5_finds_a_loss_that_no_event_explains() -> None:
    now = snapshot(venue())
    bankrupt = doctored(now, LOSER, stored=now.accounts[LOSER].stored - 10**6 * UNIT)
    called = Flows(liquidated={LOSER, WINNER})
    assert list(invariants.losses_are_explained(now, called)) == []
    (finding,) = invariants.losses_are_explained(bankrupt, called)
    assert finding.accounts == (LOSER,)
    explained = replace(called, explained={LOSER})
    assert list(invariants.losses_are_explained(bankrupt, explained)) == []
    for side, findings in (((0, True), 0), ((0, False), 1)):  # the loser is long
        charged = replace(called, charged={side})
        assert len(list(invariants.losses_are_explained(bankrupt, charged))) == findings
    assert list(invariants.losses_are_explained(bankrupt, Flows())) == []


def test_liquidating_an_account_that_nobody_opened_is_no_finding() -> None:
    now = snapshot(venue())
    nobody = max(now.accounts) + 1
    assert invariants.check(now, now, Flows(liquidated={nobody})) == []


def test_i_6_finds_open_interest_that_is_not_the_longs() -> None:
    now = snapshot(venue())
    assert list(invariants.open_interest_is_both_sides(now)) == []
    (finding,) = invariants.open_interest_is_both_sides(doctored_market(now, open_interest=9))
    assert finding.detail == "market 0: open interest 9, longs 10, shorts 10 lots"


@pytest.mark.parametrize(
    ("entries", "wrong"),
    [
        ([0], (WINNER,)),  # missing
        ([0, WINNER, SAVER], (SAVER,)),  # holds nothing
        ([0, WINNER, WINNER], (WINNER,)),  # twice
        ([WINNER], (WINNER,)),  # at another place than the position says
    ],
)
def test_i_7_finds_a_wrong_list(entries: list[int], wrong: tuple[int, ...]) -> None:
    now = snapshot(venue())
    assert list(invariants.lists_hold_the_holders(now)) == []
    doctored_lists = replace(now, holders={**now.holders, (0, False): entries})
    (finding,) = invariants.lists_hold_the_holders(doctored_lists)
    assert finding.accounts == wrong


def test_i_8_finds_flat_quote_off_by_one() -> None:
    pool = venue()
    total = pool.flat_quote[0]
    assert total == 200 * UNIT
    assert list(invariants.flat_quote_is_the_sum(snapshot(pool))) == []
    (finding,) = invariants.flat_quote_is_the_sum(snapshot(pool, flat_quote=total + 1))
    assert finding.invariant == "I-8"


def test_i_9_finds_a_flat_account_that_owes() -> None:
    now = snapshot(venue())
    owing = doctored(now, SAVER, stored=-1)
    assert list(invariants.only_the_deficit_owes(now, Flows())) == []
    (finding,) = invariants.only_the_deficit_owes(owing, Flows())
    assert finding.accounts == (SAVER,)
    assert list(invariants.only_the_deficit_owes(owing, Flows(explained={SAVER}))) == []


def test_i_9_finds_a_deficit_that_is_not_told() -> None:
    now = doctored(snapshot(venue()), DEFICIT, stored=-5)
    (finding,) = invariants.only_the_deficit_owes(now, Flows())
    assert finding.detail == "the deficit account owes 5 quote, the pool says 0"
    assert list(invariants.only_the_deficit_owes(replace(now, deficit=5), Flows())) == []


def test_i_10_finds_custody_without_a_flow() -> None:
    now = snapshot(venue())
    assert list(invariants.custody_follows_the_flows(now, now, Flows())) == []
    (finding,) = invariants.custody_follows_the_flows(now, now, Flows(deposited=2, withdrawn=1))
    assert finding.invariant == "I-10"


def test_i_11_finds_a_dead_leg() -> None:
    now = snapshot(venue())
    assert list(invariants.legs_are_bounded(now)) == []
    (finding,) = invariants.legs_are_bounded(doctored(now, SAVER, 1, size=0))
    assert finding.detail == "nothing stands in markets [1]"


def test_i_11_finds_too_many_legs() -> None:
    now = snapshot(venue())
    assert now.accounts[ALONE].flags & ISOLATED
    (finding,) = invariants.legs_are_bounded(doctored(now, ALONE, 0, size=1))
    assert finding.detail == "2 legs, at most 1"
    for market in range(2, 9):
        now = doctored(now, LOSER, market, bids=1)
    (finding,) = invariants.legs_are_bounded(now)
    assert finding.detail == "9 legs, at most 8"


def test_i_11_finds_a_leg_of_the_deficit_account() -> None:
    now = doctored(snapshot(venue()), DEFICIT, 0, bids=1)
    (finding,) = invariants.legs_are_bounded(now)
    assert finding.accounts == (DEFICIT,)


def test_check_runs_every_predicate() -> None:
    now = snapshot(venue())
    wrong = doctored(now, WINNER, 0, size=-11)  # I-1, I-6
    wrong = doctored(wrong, SAVER, stored=-1)  # I-2, I-4, I-8, I-9
    wrong = doctored(wrong, LOSER, 1, size=0)  # I-7, I-11
    wrong = doctored(wrong, LOSER, stored=-(10**9) * UNIT)  # I-5
    wrong = replace(wrong, balance=0, custody=now.custody + 1)  # I-3, I-10
    expected = {f"I-{n}" for n in range(1, 12)}
    assert found(now, wrong, Flows(liquidated={LOSER})) == expected
