"""What snapshots and events say of winners: candidates, the worst block, what was hit."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from spillway import winners
from spillway.invariants import Snapshot
from spillway.measures import Closed
from spillway.model.margin import Market, Tier
from spillway.model.words import Account, Leg
from spillway.winners import Candidate, Winners

if TYPE_CHECKING:
    from spillway.engines import Event

MARK = 50  # quote per lot
LOSER, WINNER, OTHER = 5, 6, 7


def venue(*accounts: Account, mark: int = MARK, funding: int = 0, block: int = 1) -> Snapshot:
    market = Market((Tier(0, 10),), 0, 60, 10**6, mark=mark, funding=funding)
    return Snapshot(block, {a.number: a for a in accounts}, [market], 0, 0, 0, 0)


def event(name: str, **args: Any) -> Event:
    return cast("Event", SimpleNamespace(name=name, args=SimpleNamespace(**args)))


def closed(winner: int, lots: int, quote: int, *, long: bool = False) -> list[Event]:
    """What the contracts say when a winner is closed: the exchange, then the deleveraging."""
    buyer, seller = (LOSER, winner) if long else (winner, LOSER)
    return [
        event("Exchanged", market=0, buyer=buyer, seller=seller, lots=lots, quote=quote),
        event("Deleveraged", market=0, account=LOSER, winner=winner, lots=lots),
    ]


# A long that owes 30 at 50; a short that won 100 at entry 60, one at a loss, a long in profit.
BANKRUPT = Account(LOSER, -530, 0, {0: Leg(10)})
SHORT = Account(WINNER, 700, 0, {0: Leg(-10, -600)})
LOST = Account(OTHER, 300, 0, {0: Leg(-5, -200)})
LONG = Account(8, -100, 0, {0: Leg(5, 200)})


def test_candidates_are_solvent_in_profit_and_on_the_other_side() -> None:
    seen = venue(BANKRUPT, SHORT, LOST, LONG)
    sides = winners.opposite(seen, {LOSER})
    assert sides == {(0, False)}
    assert winners.candidates(seen, sides, {LOSER}) == {WINNER: Candidate(600 - 500, 700 - 500)}


def test_funding_is_part_of_the_profit() -> None:
    # A short is paid what the index rises by: 10 lots by 3.
    seen = venue(SHORT, funding=3)
    assert winners.candidates(seen, {(0, False)}, ())[WINNER].profit == 100 + 10 * 3


def test_an_account_below_zero_is_no_candidate() -> None:
    broke = replace(SHORT, stored=499)
    assert winners.candidates(venue(broke), {(0, False)}, ()) == {}


def test_the_worst_block_is_the_one_with_the_largest_deficit() -> None:
    made = Winners()
    for mark in (50, 48, 49):
        seen = venue(BANKRUPT, SHORT, LOST, mark=mark)
        made.add(seen, seen, [], [LOSER, WINNER, OTHER])
    # At 48 the long owes 530 - 480; both shorts stand against it, one won 60 - 48 on each lot.
    assert made.worst.deficit == 50
    assert made.worst.candidates == {WINNER: Candidate(120, 220)}


def test_the_marked_snapshot_has_what_was_held_at_the_prices_of_now() -> None:
    before, now = venue(SHORT, mark=60), venue(mark=50, funding=2, block=2)
    seen = winners.marked(before, now)
    assert seen.accounts == before.accounts
    assert (seen.markets[0].mark, seen.markets[0].funding) == (50, 2)
    assert seen.equity(WINNER) == 700 - 10 * (50 - 2)


def test_the_side_and_the_cash_of_a_hit_follow_the_exchange() -> None:
    events = [*closed(WINNER, 4, 220), *closed(8, 2, 110, long=True)]
    short, long = winners.hits_of(events, venue(funding=7).markets)
    assert short == (WINNER, 0, Closed(long=False, lots=4, cash=-220, funding=7))
    assert long == (8, 0, Closed(long=True, lots=2, cash=110, funding=7))


def test_holding_on_is_told_by_account_gaps_included() -> None:
    made = Winners()
    before = venue(BANKRUPT, SHORT, LOST)
    made.add(before, before, [*closed(WINNER, 4, 220), *closed(OTHER, 2, 100)], ())
    made.gaps[WINNER] = 9
    # At 40 the lots would cost 40 each to close: 4 * 40 against 220 paid, 2 * 40 against 100.
    assert made.forgone(venue(mark=40).markets) == {WINNER: 220 - 160 + 9, OTHER: 100 - 80}


def test_the_top_winner_is_the_one_with_the_largest_profit_when_it_begins() -> None:
    made = Winners()
    assert made.survival() is None
    richer = Account(OTHER, 3_000, 0, {0: Leg(-5, -300)})
    before = venue(BANKRUPT, SHORT, richer)
    made.add(before, before, closed(OTHER, 1, 50), ())
    # 100 of profit against 50; its equity is 200.
    assert made.top == (WINNER, 200)
    assert made.survival() == 1
    made.taken[WINNER] = 50
    assert made.survival() == Fraction(3, 4)


def test_leverage_is_that_of_all_who_could_have_been_hit() -> None:
    # WINNER: 500 over 200, then 100 over 180. OTHER is never hit, and stays at 250 over 100.
    idle = Account(OTHER, 350, 0, {0: Leg(-5, -300)})
    before = venue(BANKRUPT, SHORT, idle)
    after = venue(Account(LOSER), Account(WINNER, 280, 0, {0: Leg(-2, -120)}), idle)
    made = Winners()
    made.add(before, after, closed(WINNER, 8, 420), ())
    assert made.leverage_before == Fraction(500, 200)
    assert made.leverage_after == Fraction(250, 100)


def test_a_block_without_a_closing_changes_no_leverage() -> None:
    made = Winners()
    made.add(venue(SHORT), venue(SHORT), [], ())
    assert made == Winners()


# --- charges per lot -----------------------------------------------------------------------


def traded(buyer: int, seller: int, lots: int) -> Event:
    return event("Exchanged", market=0, buyer=buyer, seller=seller, lots=lots)


def filled(taker: int, maker: int, lots: int, *, buys: bool) -> Event:
    return event("Filled", market=0, taker=taker, maker=maker, taker_buys=buys, lots=lots)


def charged(per_lot: int, *, longs: bool = False, account: int = LOSER) -> Event:
    return event("Charged", market=0, longs=longs, account=account, per_lot=per_lot)


HELD = venue(BANKRUPT, SHORT, LOST, LONG)


def test_who_holds_a_lot_when_it_is_charged_bears_it() -> None:
    assert winners.charges_of([charged(3)], HELD) == {WINNER: 30, OTHER: 15}
    assert winners.charges_of([traded(WINNER, OTHER, 10)], HELD) == {}


def test_lots_that_pass_on_between_charges_leave_what_they_owed() -> None:
    events = [
        charged(3),
        traded(WINNER, OTHER, 4),  # a short of 10 buys 4 back, one of 5 sells them
        charged(2),
        filled(OTHER, 8, 12, buys=True),  # turns long, and the long of 5 turns short
        charged(1),
    ]
    assert winners.charges_of(events, HELD) == {
        WINNER: 10 * 3 + 6 * 2 + 6 * 1,
        OTHER: 5 * 3 + 9 * 2,
        8: 7 * 1,
    }


def test_a_taker_that_sells_bears_what_comes_after() -> None:
    events = [filled(9, 8, 2, buys=False), charged(4), charged(5, longs=True)]
    assert winners.charges_of(events, HELD) == {9: 8, WINNER: 40, OTHER: 20, 8: 35}


def test_the_loser_and_an_exempt_backstop_bear_nothing() -> None:
    events = [
        charged(3),
        charged(3, longs=True),
        event("Exempted", market=0, account=LOSER, backstop=OTHER, amount=15),
    ]
    assert winners.charges_of(events, HELD) == {WINNER: 30, 8: 15}


def test_a_charge_counts_as_taken_and_closes_nobody() -> None:
    made = Winners()
    paid = winners.charges_of([charged(3)], HELD)
    made.add(HELD, HELD, [charged(3)], [LOSER], paid)
    assert dict(made.taken) == {WINNER: 30, OTHER: 15}
    assert (made.hits, made.forgone(HELD.markets)) == ([], {})
    assert made.top == (WINNER, 200)
    assert made.survival() == Fraction(170, 200)


def on_profit(holder: int, amount: int) -> Event:
    return event("ProfitCharged", market=0, account=LOSER, holder=holder, amount=amount)


def test_charges_on_profit_are_borne_by_whom_they_name() -> None:
    events = [on_profit(WINNER, 7), charged(3), on_profit(WINNER, 2), on_profit(8, 1)]
    assert winners.charges_of(events[:1], HELD) == {WINNER: 7}
    assert winners.charges_of(events, HELD) == {WINNER: 39, OTHER: 15, 8: 1}


def test_who_profits_on_either_side_is_a_candidate_where_profit_is_charged() -> None:
    """The long is ahead by 150 - of 400 that it has -, the short by 100."""
    made, long = Winners(), Account(8, 150, 0, {0: Leg(5, 100)})
    seen = venue(BANKRUPT, SHORT, long)
    made.add(seen, seen, [on_profit(WINNER, 7)], (), {WINNER: 7})
    assert dict(made.taken) == {WINNER: 7}
    assert made.top == (8, 400)
