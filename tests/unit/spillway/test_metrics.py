"""Adding a run up: what each event means for the layers, the vault and the winners."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from spillway.invariants import Flows, Snapshot
from spillway.metrics import Layer, Tally, usd
from spillway.model.margin import Market, Tier
from spillway.model.words import Account, Leg

if TYPE_CHECKING:
    from spillway.engines import Event

MARK = 50  # quote per lot
CHILD, LOSER, WINNER, OTHER = 4, 5, 6, 7


def venue(*accounts: Account) -> Snapshot:
    """A snapshot of one market at MARK; who is not told has nothing."""
    market = Market((Tier(0, 10),), 0, 60, 10**6, mark=MARK)
    everyone = {number: Account(number) for number in (CHILD, LOSER, WINNER, OTHER)}
    told = {account.number: account for account in accounts}
    return Snapshot(1, everyone | told, [market], 0, 0, 0, 0)


def event(name: str, **args: Any) -> Event:
    return cast("Event", SimpleNamespace(name=name, args=SimpleNamespace(**args)))


def tally(*events: Event, before: Snapshot | None = None, now: Snapshot | None = None) -> Tally:
    """The tally of one block."""
    made = Tally(CHILD)
    made.add(before or venue(), now or venue(), list(events), Flows())
    return made


def sold(filled: int, quote: int, *, is_bid: bool = False) -> Event:
    return event("BookEntered", account=LOSER, market=0, is_bid=is_bid, filled=filled, quote=quote)


def test_the_book_takes_what_was_given_up_against_mark() -> None:
    # A long sells 10 lots for 480 where the mark makes them 500; a short buys 4 back for 206
    # where it makes them 200.
    book = tally(sold(10, 480), sold(4, 206, is_bid=True)).layers["book"]
    assert (book.count, book.accounts, book.notional) == (2, {LOSER}, 10 * MARK + 4 * MARK)
    assert book.loss == (500 - 480) + (206 - 200)


def test_the_backstop_takes_the_margin_that_is_left() -> None:
    made = tally(
        event("Exchanged", market=0, buyer=CHILD, seller=LOSER, lots=3, quote=3 * MARK),
        event("Exchanged", market=0, buyer=LOSER, seller=CHILD, lots=1, quote=MARK),
        event("BackstopEntered", account=LOSER, backstop=CHILD, equity=17, legs=1),
    )
    layer = made.layers["backstop"]
    assert (layer.count, layer.accounts, layer.notional, layer.loss) == (1, {LOSER}, 4 * MARK, 17)
    assert made.from_margin == 17


def test_what_another_backstop_seizes_is_not_the_vault_s() -> None:
    made = tally(
        event("Exchanged", market=0, buyer=OTHER, seller=LOSER, lots=3, quote=3 * MARK),
        event("BackstopEntered", account=LOSER, backstop=OTHER, equity=17, legs=1),
    )
    assert (made.layers["backstop"].notional, made.layers["backstop"].loss) == (3 * MARK, 17)
    assert made.from_margin == 0


def test_the_fund_takes_part_with_what_it_paid_and_no_refusal() -> None:
    layer = tally(
        event("Covered", account=LOSER, market=0, lacking=9, paid=7),
        event("Covered", account=OTHER, market=0, lacking=5, paid=0),
    ).layers["insurance"]
    assert (layer.count, layer.accounts, layer.loss) == (1, {LOSER}, 7)


def test_gifts_are_no_result_of_the_fund() -> None:
    assert tally(event("Gift", donor="0x", account=9, units=4)).fund_flows == 4 * 10**12


def test_an_exchange_of_the_child_that_is_deleveraged_is_no_takeover() -> None:
    made = tally(
        event("Exchanged", market=0, buyer=CHILD, seller=LOSER, lots=3, quote=3 * MARK),
        hit(CHILD, WINNER, lots=3, taken=5),
        event("BackstopEntered", account=OTHER, backstop=CHILD, equity=0, legs=0),
    )
    assert made.layers["backstop"].notional == 0


def hit(loser: int, winner: int, lots: int, taken: int) -> Event:
    args = {"account": loser, "winner": winner, "market": 0, "lots": lots, "taken": taken}
    return event("Deleveraged", **args)


def closing(account: int, equity: int) -> Event:
    return event("ClosingBegun", account=account, equity=equity, maintenance=1)


def test_auto_deleveraging_takes_from_winners_by_price_and_by_gap() -> None:
    made = tally(
        closing(LOSER, -30),
        hit(LOSER, WINNER, lots=2, taken=20),
        hit(LOSER, OTHER, lots=1, taken=10),
        event("GapBorne", account=LOSER, winner=WINNER, market=0, amount=5),
    )
    layer = made.layers["adl"]
    assert (layer.count, layer.accounts) == (1, {WINNER, OTHER})
    assert (layer.notional, layer.loss) == (3 * MARK, 35)
    assert (made.needed, dict(made.winners.taken)) == (30, {WINNER: 25, OTHER: 10})
    assert dict(made.winners.gaps) == {WINNER: 5}


def test_the_vault_gains_as_a_loser_and_pays_as_a_winner() -> None:
    made = tally(
        closing(CHILD, -12),
        hit(CHILD, WINNER, lots=1, taken=12),
        event("GapBorne", account=CHILD, winner=WINNER, market=0, amount=3),
        hit(LOSER, CHILD, lots=1, taken=4),
    )
    assert made.from_adl == 12 + 3 - 4


def test_a_loss_that_is_written_off_is_socialised() -> None:
    made = tally(event("DeficitWritten", account=LOSER, loss=9, from_fees=9, deficit=0))
    layer = made.layers["socialized"]
    assert (layer.count, layer.loss, layer.accounts) == (1, 9, {LOSER})
    assert made.written_off == 9


def charge(per_lot: int, account: int = LOSER, *, longs: bool = False) -> Event:
    return event("Charged", market=0, longs=longs, account=account, per_lot=per_lot, lots=10)


def socialized(account: int, owed: int, covered: int, charged: int) -> Event:
    told = {"owed": owed, "covered": covered, "charged": charged, "left": owed - covered - charged}
    return event("Socialized", account=account, **told)


def test_a_loss_charged_per_lot_is_socialised_too() -> None:
    before = venue(
        Account(LOSER, 0, 0, {0: Leg(10)}),
        Account(WINNER, 0, 0, {0: Leg(-7)}),
        Account(CHILD, 0, 4, {0: Leg(-3)}),
    )
    made = tally(
        charge(3),
        event("Exchanged", market=0, buyer=OTHER, seller=LOSER, lots=10, quote=10 * MARK),
        socialized(LOSER, owed=40, covered=11, charged=29),
        before=before,
    )
    layer = made.layers["socialized"]
    assert (layer.count, layer.accounts) == (1, {WINNER, CHILD})
    assert (layer.notional, layer.loss) == (10 * MARK, 29)
    assert (made.needed, dict(made.winners.taken)) == (40, {WINNER: 21, CHILD: 9})
    assert (made.from_adl, made.written_off) == (-9, 0)


def test_a_loss_that_the_fund_pays_whole_is_not_socialised() -> None:
    made = tally(
        event("Exchanged", market=0, buyer=OTHER, seller=LOSER, lots=10, quote=10 * MARK),
        socialized(LOSER, owed=40, covered=40, charged=0),
    )
    assert made.layers["socialized"] == Layer()
    assert made.needed == 40


def test_a_loss_that_profits_bear_is_socialised_though_it_takes_blocks() -> None:
    """Two losers hand their lots over; the one is paid for by a holder, a block later."""
    made = Tally(CHILD)
    seen = venue(Account(LOSER, 0, 0, {0: Leg(10)}), Account(WINNER, 0, 0, {0: Leg(-10)}))
    joined = {"market": 0, "amount": 30}
    first = [
        event("Exchanged", market=0, buyer=CHILD, seller=LOSER, lots=10, quote=10 * MARK),
        event("DebtJoined", account=LOSER, **joined),
        event("Exchanged", market=0, buyer=CHILD, seller=OTHER, lots=3, quote=3 * MARK),
        socialized(OTHER, owed=5, covered=5, charged=0),
    ]
    made.add(seen, seen, first, Flows())
    assert made.layers["socialized"] == Layer()
    second = [
        event("ProfitCharged", market=0, account=LOSER, holder=WINNER, amount=30),
        socialized(LOSER, owed=30, covered=0, charged=30),
    ]
    made.add(seen, replace(seen, block=2), second, Flows())
    layer = made.layers["socialized"]
    assert (layer.count, layer.notional, layer.loss) == (1, 10 * MARK, 30)
    assert (layer.accounts, dict(made.winners.taken)) == ({WINNER}, {WINNER: 30})
    assert made.needed == 35
    assert made.handed == {}


def test_what_a_vault_owes_and_others_are_charged_is_its_gain() -> None:
    before = venue(Account(CHILD, 0, 4, {0: Leg(10)}), Account(WINNER, 0, 0, {0: Leg(-10)}))
    made = tally(charge(2, CHILD), socialized(CHILD, 20, 0, 20), before=before)
    assert made.from_adl == 20


def test_cash_of_depositors_is_no_result_of_the_vault() -> None:
    made = tally(event("SharesIssued", units=7), event("SharesRedeemed", units=2))
    assert made.vault_flows == 5 * 10**12


def test_the_first_block_of_each_layer_is_kept() -> None:
    made = Tally(CHILD)
    for number, events in [(1, [sold(1, MARK)]), (2, [closing(LOSER, -1)]), (3, [sold(1, MARK)])]:
        made.add(venue(), replace(venue(), block=number), events, Flows())
    assert made.first == {"book": 1, "adl": 2}


def test_other_events_change_nothing() -> None:
    assert tally(event("Posted", reporter="0x", observed_at=1)) == Tally(CHILD)


@pytest.mark.parametrize(
    ("quote", "text"),
    [
        (0, "0"),
        (10**18, "1"),
        (-(10**18), "-1"),
        (1, "0.000000000000000001"),
        (1_500_000 * 10**18 + 10**17, "1500000.1"),
        (10**30, "1000000000000"),
    ],
)
def test_dollars_are_written_exactly(quote: int, text: str) -> None:
    assert usd(quote) == text
