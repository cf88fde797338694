"""The three worked examples of the venue's rules, line by line, in exact integers.

Fees 0, one tier of leverage 5 (initial margin 20 %, maintenance 10 %); 1 = 1 USD; whole lots.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fractions import Fraction

import pytest

from spillway.model import custody
from spillway.model.adl import deleverage
from spillway.model.liquidation import Next, bankruptcy_limit, decide, take_over
from spillway.model.margin import QUOTE_PER_USD, Market, Tier
from spillway.model.policies import Candidate
from spillway.model.policies.hyperliquid_queue import score as hyperliquid_queue
from spillway.model.policies.ratios import ONE
from spillway.model.pool import Pool, Refused, Update
from spillway.model.trades import Answer, Fill, fill
from spillway.units import QUOTE_PER_UNIT

USD = QUOTE_PER_USD


@dataclass
class Table:
    """A pool whose accounts have the letters of the example and whose amounts are in USD."""

    pool: Pool = field(default_factory=Pool)
    ids: dict[str, int] = field(default_factory=dict)

    def list_markets(self, count: int) -> None:
        for _ in range(count):
            market = Market((Tier(0, 5),), size_decimals=0, max_age=60, open_interest_cap=10**6)
            self.pool.list_market(market)

    def open(self, *, protocol: bool = False, **deposits: int) -> None:
        for letter, usd in deposits.items():
            self.ids[letter] = self.pool.open_account(letter, protocol=protocol)
            if usd:
                self.pool.deposit(self.ids[letter], usd * 10**6)

    def epoch(self, *marks: int, funding: int = 0) -> None:
        self.pool.mine(15)
        self.pool.advance(
            Update(market, mark * USD, mark * USD, funding * USD)
            for market, mark in enumerate(marks)
        )

    def trade(self, buyer: str, seller: str, lots: int, price: int, market: int = 0) -> None:
        match = Fill(
            market, self.ids[buyer], self.ids[seller], taker_buys=True, lots=lots, price=price * USD
        )
        assert fill(self.pool, match) is Answer.FILLED

    def sweep(self, loser: str, limit: int, bids: list[tuple[str, int, int]]) -> int:
        """Sell a long loser's lots to bids (maker, lots, price) at or above the limit."""
        sold = 0
        for maker, lots, price in bids:
            if price * USD >= limit:
                match = Fill(
                    0,
                    self.ids[loser],
                    self.ids[maker],
                    taker_buys=False,
                    lots=lots,
                    price=price * USD,
                    liquidation=True,
                )
                assert fill(self.pool, match) is Answer.FILLED
                sold += lots
        return sold

    def size(self, letter: str, market: int = 0) -> int:
        return self.pool.leg(self.ids[letter], market).size

    def quote(self, letter: str) -> int:
        return whole_usd(self.pool.quote(self.ids[letter]))

    def equity(self, letter: str) -> int:
        return whole_usd(self.pool.equity(self.ids[letter]))

    def maintenance(self, letter: str) -> Fraction:
        return Fraction(self.pool.maintenance(self.ids[letter]), USD)

    def holds(self, letter: str, size: int, quote: int, equity: int) -> bool:
        return (self.size(letter), self.quote(letter), self.equity(letter)) == (size, quote, equity)

    def flat_with(self, letter: str, quote: int) -> bool:
        return self.pool.accounts[self.ids[letter]].flat and self.quote(letter) == quote

    def conserved(self) -> bool:
        pool = self.pool
        sizes = [sum(pool.leg(n, m).size for n in pool.accounts) for m in range(len(pool.markets))]
        quotes = sum(pool.quote(n) for n in pool.accounts)
        return not any(sizes) and quotes == pool.custody * QUOTE_PER_UNIT


def whole_usd(quote: int) -> int:
    usd, rest = divmod(quote, USD)
    assert rest == 0
    return usd


def deleverage_all(table: Table, *letters: str) -> tuple[int, int]:
    """Deleverage in this order; give (needed, taken) in USD."""
    outcomes = [deleverage(table.pool, table.ids[x], hyperliquid_queue) for x in letters]
    assert not any(outcome.unborne for outcome in outcomes)
    needed = sum(outcome.needed for outcome in outcomes)
    taken = sum(outcome.taken for outcome in outcomes)
    return whole_usd(needed), whole_usd(taken)


# --- one market ----------------------------------------------------------------------------------


def opened() -> Table:
    table = Table()
    table.list_markets(1)
    table.open(L=200, H=170, P=310, Q=126, M=200)
    table.open(C=20, protocol=True)
    table.epoch(100)
    table.trade("L", "P", 10, 100)
    table.trade("H", "Q", 6, 100)
    table.epoch(100, funding=1)
    return table


def after_the_book() -> Table:
    table = opened()
    table.epoch(88)
    loser = table.ids["L"]
    leg, market = table.pool.leg(loser, 0), table.pool.markets[0]
    limit = bankruptcy_limit(leg, market, table.pool.health(loser), fee=0)
    assert limit == 81 * USD
    assert table.sweep("L", limit, [("M", 4, 86), ("M", 3, 80)]) == 4
    return table


def after_the_takeover() -> Table:
    table = after_the_book()
    table.epoch(82)
    assert take_over(table.pool, table.ids["L"], table.ids["C"]) == 26 * USD
    return table


def before_deleveraging() -> Table:
    table = after_the_takeover()
    table.epoch(74)
    custody.request_withdrawal(table.pool, table.ids["M"], 86 * 10**6)
    table.epoch(72)
    return table


def after_deleveraging() -> Table:
    table = before_deleveraging()
    deleverage_all(table, "H", "C")
    return table


def test_cash_of_the_example_is_1026() -> None:
    assert opened().pool.custody == 1_026 * 10**6


def test_opened_with_funding_of_1() -> None:
    table = opened()
    assert table.holds("L", 10, -810, 190)
    assert table.holds("H", 6, -436, 164)
    assert table.holds("P", -10, 1_320, 320)
    assert table.holds("Q", -6, 732, 132)
    assert table.conserved()


def test_at_88_the_book_makes_the_loser_healthy() -> None:
    table = opened()
    table.epoch(88)
    assert table.pool.previous_mark(0) == 100 * USD
    assert table.equity("L") == 70
    assert table.maintenance("L") == 88
    assert round(Fraction(2, 3) * table.maintenance("L"), 2) == Fraction("58.67")
    assert decide(70 * USD, 88 * USD) is Next.WAIT

    table = after_the_book()
    assert table.holds("L", 6, -466, 62)
    assert table.maintenance("L") == Fraction("52.8")
    health = table.pool.health(table.ids["L"])
    assert decide(health.equity, health.maintenance) is Next.STOP
    assert table.holds("M", 4, -144, 208)
    assert table.conserved()


def test_at_82_the_child_takes_over() -> None:
    table = after_the_book()
    table.epoch(82)
    assert table.equity("L") == 26
    assert Fraction(2, 3) * table.maintenance("L") == Fraction("32.8")
    assert decide(26 * USD, table.pool.maintenance(table.ids["L"])) is Next.TAKEOVER

    table = after_the_takeover()
    assert table.flat_with("L", 0)
    assert table.holds("C", 6, -446, 46)
    assert table.maintenance("C") == Fraction("49.2")
    assert table.equity("H") == 56
    assert table.maintenance("H") == Fraction("49.2")
    assert table.conserved()


def test_at_72_two_accounts_are_bankrupt() -> None:
    table = before_deleveraging()
    assert table.pool.previous_mark(0) == 74 * USD
    assert table.equity("H") == -4
    assert table.equity("C") == -14


def test_scores_at_72_from_raw_entries() -> None:
    table = before_deleveraging()
    side = table.pool.side(0, longs=False)

    def raw(letter: str) -> Fraction:
        """Score with profit and entry as displayed, funding left out of both."""
        seen = table.pool.candidate(0, table.ids[letter], side.mark, side.funding)
        entry = 100 * USD * seen.size
        plain = Candidate(
            seen.account, seen.size, entry - seen.notional, seen.equity, seen.notional, entry
        )
        return Fraction(hyperliquid_queue(side, plain), ONE**2)

    assert (raw("Q"), raw("P")) == (Fraction("0.4032"), Fraction("0.336"))


def test_scores_at_72_with_funding_keep_the_order() -> None:
    table = before_deleveraging()
    side = table.pool.side(0, longs=False)

    def score(letter: str) -> Fraction:
        seen = table.pool.candidate(0, table.ids[letter], side.mark, side.funding)
        return Fraction(hyperliquid_queue(side, seen), ONE**2)

    # The entry is 100, the funding 1 in favour of shorts: profit 29 a lot at 72.
    assert score("Q") == Fraction(432, 300) * Fraction(29, 100)
    assert score("P") == Fraction(720, 600) * Fraction(29, 100)


def test_deleveraging_at_72() -> None:
    table = before_deleveraging()

    needed, taken = deleverage_all(table, "H", "C")

    assert needed == 18
    assert taken == 26
    assert table.flat_with("H", 8)
    assert table.flat_with("Q", 288)
    assert table.flat_with("C", 0)
    assert table.holds("P", -4, 874, 586)
    assert taken - needed == table.quote("H")
    assert table.conserved()


def test_the_gap_of_the_child_is_2() -> None:
    table = before_deleveraging()
    deleverage(table.pool, table.ids["H"], hyperliquid_queue)

    outcome = deleverage(table.pool, table.ids["C"], hyperliquid_queue)

    assert outcome.gap == 2 * USD
    (hit,) = outcome.hits
    assert (hit.account, hit.lots, hit.quote) == (table.ids["P"], 6, 444 * USD)
    assert hit.quote + hit.gap == 446 * USD


def test_equities_at_the_end() -> None:
    table = after_deleveraging()
    end = {letter: table.equity(letter) for letter in "LHPQMC"}
    assert end == {"L": 0, "H": 8, "P": 586, "Q": 288, "M": 144, "C": 0}
    assert sum(end.values()) == 1_026


def test_the_child_first_moves_2_between_winners() -> None:
    table = before_deleveraging()
    deleverage_all(table, "C", "H")
    assert (table.equity("P"), table.equity("Q")) == (588, 286)


def the_tail() -> Table:
    table = after_deleveraging()
    assert custody.withdraw(table.pool, table.ids["M"]) == 86 * 10**6
    table.open(S=60)
    assert table.pool.custody == 1_000 * 10**6
    table.epoch(60)
    table.epoch(56)
    table.trade("P", "S", 4, 54)
    return table


def test_tail_leaves_two_holders() -> None:
    table = the_tail()
    assert table.flat_with("P", 658)
    assert (table.size("S"), table.quote("S")) == (-4, 276)
    table.epoch(54)
    assert table.holds("M", 4, -230, -14)
    market = table.pool.markets[0]
    assert table.pool.candidate(0, table.ids["S"], market.mark, market.funding).pnl == 0


def test_tail_ends_in_a_deficit_of_14() -> None:
    table = the_tail()
    table.epoch(54)

    outcome = deleverage(table.pool, table.ids["M"], hyperliquid_queue)
    assert outcome.unborne == 14 * USD
    assert outcome.hits[0].quote == 4 * 54 * USD
    assert table.flat_with("S", 60)
    assert table.flat_with("M", -14)
    table.pool.write_off(table.ids["M"])

    assert table.pool.deficit == 14 * USD
    assert table.flat_with("M", 0)
    claims = {letter: table.quote(letter) for letter in "LHPQMSC" if table.quote(letter)}
    assert claims == {"H": 8, "P": 658, "Q": 288, "S": 60}
    assert sum(claims.values()) == 1_014
    assert table.pool.custody == 1_000 * 10**6
    assert table.pool.senior_quote == 954 * USD
    assert table.conserved()


def test_tail_seniors_leave_in_full_and_the_junior_bears_the_rest() -> None:
    table = the_tail()
    table.epoch(54)
    deleverage(table.pool, table.ids["M"], hyperliquid_queue)
    table.pool.write_off(table.ids["M"])
    for letter, usd in {"H": 8, "P": 658, "Q": 288, "S": 60}.items():
        custody.request_withdrawal(table.pool, table.ids[letter], usd * 10**6)
    table.epoch(54)

    with pytest.raises(Refused, match="custody: deficit stands"):
        custody.withdraw(table.pool, table.ids["S"])
    paid = [custody.withdraw(table.pool, table.ids[letter]) for letter in "HPQ"]
    assert paid == [8 * 10**6, 658 * 10**6, 288 * 10**6]

    table.pool.mine(custody.CURE_TIME)
    table.epoch(54)
    assert custody.withdraw(table.pool, table.ids["S"]) == 46 * 10**6
    assert table.pool.custody == 0
    assert table.pool.deficit == 0
    assert table.conserved()


# --- two markets, cross --------------------------------------------------------------------------


def two_markets() -> Table:
    table = Table()
    table.list_markets(2)
    table.open(X=250, U=150, W=200, T=40, Z=23)
    table.epoch(100, 50)
    table.trade("X", "U", 6, 100)
    table.trade("X", "W", 5, 50, market=1)
    table.trade("X", "T", 3, 50, market=1)
    table.epoch(76, 38)
    table.trade("T", "Z", 3, 38, market=1)
    return table


def test_two_markets_before_the_crash() -> None:
    table = two_markets()
    assert table.pool.custody == 663 * 10**6
    assert table.flat_with("T", 76)
    assert table.size("Z", 1) == -3


def test_two_markets_cross_is_closed_whole() -> None:
    table = two_markets()
    table.epoch(74, 37)
    assert table.equity("X") == -10
    table.epoch(70, 35)
    loser = table.ids["X"]
    assert (table.quote("X"), table.equity("X")) == (-750, -50)
    legs = table.pool.accounts[loser].legs
    shares = [
        abs(leg.size) * table.pool.markets[m].mark // 10 // USD for m, leg in sorted(legs.items())
    ]
    assert shares == [42, 28]

    outcome = deleverage(table.pool, loser, hyperliquid_queue)

    hits = [(h.market, h.account, h.quote // USD, h.gap // USD) for h in outcome.hits]
    assert hits == [
        (0, table.ids["U"], 444, 6),
        (1, table.ids["Z"], 111, 3),
        (1, table.ids["W"], 185, 1),
    ]
    assert outcome.gap == 10 * USD
    assert outcome.hits[1].won == 3 * USD
    assert (outcome.needed, outcome.taken, outcome.unborne) == (50 * USD, 50 * USD, 0)
    assert table.flat_with("X", 0)
    ends = {"U": 300, "Z": 23, "W": 264, "T": 76}
    assert all(table.flat_with(letter, usd) for letter, usd in ends.items())
    assert table.conserved()


# --- hedged --------------------------------------------------------------------------------------


def hedged() -> Table:
    table = Table()
    table.list_markets(2)
    table.open(X=300, Y=300, Z=110)
    table.epoch(100, 50)
    table.trade("X", "Y", 10, 100)
    table.trade("Z", "X", 10, 50, market=1)
    table.epoch(70, 48)
    table.epoch(64, 46)
    return table


def test_hedged_loser_is_bankrupt_though_not_at_previous_marks() -> None:
    table = hedged()
    assert table.equity("X") == -20
    markets = [replace(m, mark=m.previous_mark) for m in table.pool.markets]
    table.pool.markets = markets
    assert table.equity("X") == 20


def test_hedged_is_closed_against_a_holder_without_profit() -> None:
    table = hedged()
    market = table.pool.markets[1]
    assert table.pool.candidate(1, table.ids["Z"], market.mark, market.funding).pnl < 0

    outcome = deleverage(table.pool, table.ids["X"], hyperliquid_queue)

    prices = [hit.quote // hit.lots // USD for hit in outcome.hits]
    assert prices == [70, 46]
    ends = {"X": 40, "Y": 600, "Z": 70}
    assert all(table.flat_with(letter, usd) for letter, usd in ends.items())
    assert table.conserved()


def test_hedged_with_every_leg_at_the_previous_mark_would_pay_the_loser_less() -> None:
    table = hedged()
    x, y, z = (table.ids[letter] for letter in "XYZ")
    table.pool.exchange(0, y, x, 10, 700 * USD)
    table.pool.exchange(1, x, z, 10, 480 * USD)
    assert [table.equity(letter) for letter in "XYZ"] == [20, 600, 90]


def test_hedged_with_winners_only_would_be_stuck() -> None:
    table = hedged()
    table.pool.exchange(0, table.ids["Y"], table.ids["X"], 10, 700 * USD)
    assert table.size("X", 1) == -10
    assert table.equity("X") == 40
    assert table.maintenance("X") == 46
