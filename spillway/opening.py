"""What happens before the clock starts: people arrive, pay in, and open their first positions.

Positions at one entry price are opened together: the index is set to that price, the sellers'
orders rest at it, the buyers take them, and the makers stand in for what one side lacks. All
markets do so at once, each at the first of its prices, then each at its next one. Prices furthest
from the first of the path go first, so that the last one set is where the run begins.
"""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass
from functools import cached_property
from itertools import cycle, islice
from typing import TYPE_CHECKING

from spillway.entrants import LEAST_NOTIONAL, Entrant, Stake, first_price
from spillway.errors import BadInput
from spillway.observe import StandingStop, follow_stops
from spillway.presets import PPM
from spillway.scenario import desks
from spillway.ticks import at_or_above, at_or_below
from spillway.units import units_to_quote, usd_to_price, usd_to_quote, usdc_to_units
from spillway.venue import Kind, Member, Order, Report, Stop

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from decimal import Decimal

    from spillway import scenario as scenarios
    from spillway.deploy import Cast
    from spillway.engines import Call, Engine, Receipt
    from spillway.presets import Providers
    from spillway.scenario import Scenario
    from spillway.venue import Venue

SETUP_SECONDS = 600  # before the clock starts; a block a second
MAKER, TRADER, DEPOSITOR, PROVIDER = "maker", "trader", "depositor", "provider"
MOST_MET = 32  # makers that an order meets
ROUNDS = 8  # of taking what rests: the first is enough, unless a seller's margin is not
# After so many seconds, of a block each, prices are told again while positions are opened: what is
# sent in between may take as long again, and more than twice as long makes a mark stale.
FRESH_SECONDS = 20

Buyer = tuple[int, "Member"]  # of a market
Opened = tuple["Decimal", list[tuple["Member", int]]]  # a price, and who opens how many lots at it


@dataclass(frozen=True, slots=True)
class Trader:
    """A member and the way in which it entered."""

    member: Member
    entrant: Entrant


@dataclass(frozen=True)
class Roster:
    """Everybody with a part in the run but its keeper and reporters."""

    makers: tuple[Member, ...]
    traders: tuple[Trader, ...]
    depositors: tuple[Member, ...]
    providers: tuple[Member, ...] = ()

    @cached_property
    def accounts(self) -> dict[int, Member]:
        """Every margin account of a member, by its id."""
        traders = (trader.member for trader in self.traders)
        members = (*self.makers, *traders, *self.providers)
        return {member.account: member for member in members}

    def called(self, name: str, scenario: Scenario) -> tuple[Member, ...]:
        """Return the explicit account, the depositor, or all the traders of a group."""
        told = len(scenario.accounts)
        people = (*(trader.member for trader in self.traders[:told]), *self.depositors)
        drawn = (trader.member for trader in self.traders[told:])
        for group in scenario.population:
            members = tuple(islice(drawn, group.count))
            if group.name == name:
                return members
        return tuple(member for member in people if member.name == name)


class Opening:
    """Brings a venue from its deployment to the start of the clock."""

    def __init__(
        self,
        engine: Engine,
        venue: Venue,
        scenario: Scenario,
        cast: Cast,
        providers: Providers | None = None,
    ) -> None:
        self._engine = engine
        self._providers = providers
        self._venue = venue
        self._scenario = scenario
        self._cast = cast
        self._decimals = [market.size_decimals for market in scenario.markets]
        self._prices: dict[int, int] = {}  # as they were last set, quote per lot
        self._told_at = 0  # when that was, seconds

    def run(self, entrants: Sequence[Entrant]) -> tuple[Roster, dict[int, StandingStop]]:
        """Do all of it; give who is there, and the stops that stand by the ids of their orders.

        Raises BadInput where the venue refuses somebody's position or order.
        """
        depositors = self._fund_vault()
        self._jump()
        roster = self._arrive(entrants, depositors)
        for opened in self._rounds(roster.traders):
            self._set_prices({market: price for market, (price, _) in opened.items()})
            self._trade(opened, roster.makers)
        markets = range(len(self._decimals))
        self._set_prices({market: first_price(self._scenario, market) for market in markets})
        calls = [call for trader in roster.traders for call in self._orders(trader)]
        stops: dict[int, StandingStop] = {}
        follow_stops(stops, [event for r in self._send(calls) for event in r.events])
        return roster, stops

    # --- money -------------------------------------------------------------------------------

    def _fund_vault(self) -> tuple[Member, ...]:
        people = self._scenario.vault.depositors
        members = tuple(
            Member(person.name, DEPOSITOR, owner)
            for person, owner in zip(people, self._cast.depositors, strict=True)
        )
        units = [usdc_to_units(person.amount_usd) for person in people]
        vault = self._venue.contracts.vault.address
        for member, amount in zip(members, units, strict=True):
            self._send(
                [
                    self._venue.mint(member.owner, amount, self._cast.admin),
                    self._venue.approve(member.owner, vault),
                    self._venue.vault_deposit(member, amount),
                ]
            )
        self._send([self._venue.top_up(self._cast.keeper)])
        return members

    def _jump(self) -> None:
        """Let the time pass after which shares of the vault may be redeemed."""
        start = self._scenario.clock.start_time - SETUP_SECONDS
        self._engine.send_block([], max(start, self._engine.head.timestamp + 1))

    def _arrive(self, entrants: Sequence[Entrant], depositors: tuple[Member, ...]) -> Roster:
        collateral = usdc_to_units(self._scenario.book.collateral_usd)
        newcomers = [
            Entrant(f"maker_{place + 1}", collateral) for place in range(len(self._cast.makers))
        ]
        standing = self._stand_by()
        everyone = [*newcomers, *entrants, *standing]
        owners = [*self._cast.makers, *self._cast.traders, *self._cast.providers]
        custody = self._venue.contracts.custody.address
        calls: list[Call] = []
        for entrant, owner in zip(everyone, owners, strict=True):
            calls += (
                self._venue.mint(owner, entrant.units, self._cast.admin),
                self._venue.approve(owner, custody),
                self._venue.open_account(owner, entrant.isolated_to),
            )
        receipts = self._send(calls)
        opened = [event.account for r in receipts for event in r.named("AccountOpened")]
        kinds = [MAKER] * len(newcomers) + [TRADER] * len(entrants) + [PROVIDER] * len(standing)
        members = [
            Member(entrant.name, kind, owner, account)
            for entrant, kind, owner, account in zip(everyone, kinds, owners, opened, strict=True)
        ]
        self._send(
            [self._venue.deposit(m, e.units) for m, e in zip(members, everyone, strict=True)]
        )
        self._send(
            [
                self._venue.set_leverage(member, stake.market, stake.leverage)
                for member, entrant in zip(members, everyone, strict=True)
                for stake in entrant.stakes
                if stake.leverage
            ]
        )
        traders = [
            Trader(member, entrant)
            for member, entrant in zip(members, everyone, strict=True)
            if member.kind == TRADER
        ]
        providers = tuple(member for member in members if member.kind == PROVIDER)
        self._pledge(providers)
        return Roster(tuple(members[: len(newcomers)]), tuple(traders), depositors, providers)

    def _stand_by(self) -> list[Entrant]:
        """Return those who stand behind the book, each with its part of their capital."""
        if self._providers is None:
            return []
        deposited = sum(usdc_to_units(one.amount_usd) for one in self._scenario.vault.depositors)
        units = deposited * self._providers.capital_ppm // PPM // self._providers.count
        return [Entrant(f"provider_{n + 1}", units) for n in range(self._providers.count)]

    def _pledge(self, providers: Sequence[Member]) -> None:
        """Have providers pledge their accounts, each for so many times what it holds."""
        if self._providers is None:
            return
        limits = [
            self._providers.leverage * units_to_quote(entrant.units) for entrant in self._stand_by()
        ]
        self._send(
            [self._venue.pledge(m, limit) for m, limit in zip(providers, limits, strict=True)]
        )

    # --- positions ---------------------------------------------------------------------------

    def _rounds(self, traders: Sequence[Trader]) -> Iterator[dict[int, Opened]]:
        """Yield market -> (entry, [(who, lots)]), furthest from the market's first price first."""
        groups: dict[int, dict[Decimal, list[tuple[Member, int]]]] = defaultdict(dict)
        for trader in traders:
            for stake in trader.entrant.stakes:
                sides = groups[stake.market].setdefault(stake.entry, [])
                sides.append((trader.member, stake.lots))
        queues: list[tuple[int, list[Opened]]] = []
        for market, by_price in sorted(groups.items()):
            first = first_price(self._scenario, market)
            order = sorted(by_price, key=lambda price: (-abs(price - first), price))
            queues.append((market, [(price, by_price[price]) for price in order]))
        for place in range(max((len(queue) for _, queue in queues), default=0)):
            yield {market: queue[place] for market, queue in queues if place < len(queue)}

    def _set_prices(self, usd: Mapping[int, Decimal]) -> None:
        """Have every reporter see prices; without a book, the marks are just those.

        Markets that were set before are told again: a position in one whose mark has grown stale
        would bar its owner from all others.
        """
        for market, price in usd.items():
            self._prices[market] = usd_to_price(price, self._decimals[market])
        reports = [Report(number, price, price) for number, price in sorted(self._prices.items())]
        now = self._engine.head.timestamp
        self._told_at = now
        posts = [self._venue.post(who, now, reports) for who in self._cast.reporters]
        self._send([*posts, *self._venue.updates(sorted(self._prices), self._cast.keeper)])

    def _trade(self, opened: Mapping[int, Opened], makers: Sequence[Member]) -> None:
        """Open positions, all those of a market at one price."""
        prices = {m: usd_to_price(usd, self._decimals[m]) for m, (usd, _) in opened.items()}
        least = {m: usd_to_quote(LEAST_NOTIONAL) // price + 1 for m, price in prices.items()}
        resting: dict[int, deque[int]] = {market: deque() for market in opened}
        left: dict[Buyer, int] = {}
        calls: list[Call] = []
        for market, (_, stakes) in opened.items():
            for who, lots in self._with_makers(market, least[market], stakes, makers):
                if lots > 0:
                    left[market, who] = lots
                else:
                    order = Order(False, prices[market], -lots, Kind.POST_ONLY)
                    calls.append(self._venue.place(who, market, order))
                    resting[market].append(-lots)
        self._send_fresh(calls)
        for _ in range(ROUNDS):
            if not left:
                return
            plan = list(_foreseen(left, resting, least))
            receipts = self._send_fresh(
                [
                    self._venue.place(who, market, Order(True, prices[market], asked, Kind.IOC))
                    for (market, who), asked in plan
                ]
            )
            before, left = left, dict(left)
            for (buyer, _), receipt in zip(plan, receipts, strict=True):
                left[buyer] -= sum(fill.lots for fill in receipt.named("Filled"))
            left = {buyer: lots for buyer, lots in left.items() if lots}
            if left == before:
                break
        _, who = next(iter(left))
        raise _refused(who.name, "the venue's margin rules left it unfilled")

    def _with_makers(
        self,
        market: int,
        least: int,
        stakes: Sequence[tuple[Member, int]],
        makers: Sequence[Member],
    ) -> list[tuple[Member, int]]:
        """Add the makers who stand in for what a side lacks; the largest first."""
        lacking = -sum(lots for _, lots in stakes)
        quoting = [
            who
            for who, quoted in zip(makers, cycle(desks(self._scenario)), strict=False)
            if market in quoted
        ]
        sides = [*stakes, *_stand_in(lacking, quoting, least)]
        return sorted(sides, key=lambda side: (-abs(side[1]), side[0].account))

    def _orders(self, trader: Trader) -> Iterator[Call]:
        """What a trader leaves in the book: its orders as told, and its stop."""
        for told in trader.entrant.orders:
            market = self._scenario.market_id(told.market)
            yield self._order(trader.member, market, told)
        if trader.entrant.stop_distance is not None:
            for stake in trader.entrant.stakes:
                stop = _stop(stake, trader.entrant.stop_distance, self._decimals[stake.market])
                yield self._venue.place_stop(trader.member, stake.market, stop)

    def _order(self, member: Member, market: int, told: scenarios.Order) -> Call:
        decimals = self._decimals[market]
        price, lots = usd_to_price(told.price, decimals), int(told.size.scaleb(decimals))
        is_bid = told.side == "buy"
        if told.kind in {"stop", "take_profit"}:
            above = is_bid == (told.kind == "stop")
            return self._venue.place_stop(member, market, Stop(is_bid, above, price, 0, lots))
        kind = Kind.GTC if told.kind == "limit" else Kind.POST_ONLY
        return self._venue.place(member, market, Order(is_bid, price, lots, kind, told.reduce_only))

    # --- sending -----------------------------------------------------------------------------

    def _send_fresh(self, calls: Sequence[Call]) -> list[Receipt]:
        """`_send`, however many blocks it takes: prices are told again before they are stale."""
        receipts: list[Receipt] = []
        part: list[Call] = []
        declared = 0
        for call in calls:
            if declared + call.gas > FRESH_SECONDS * self._engine.gas_limit:
                receipts += self._send_at_fresh_prices(part)
                part, declared = [], 0
            part.append(call)
            declared += call.gas
        return receipts + self._send_at_fresh_prices(part)

    def _send_at_fresh_prices(self, calls: Sequence[Call]) -> list[Receipt]:
        if self._engine.head.timestamp >= self._told_at + FRESH_SECONDS:
            self._set_prices({})
        return list(self._send(calls))

    def _send(self, calls: Sequence[Call]) -> tuple[Receipt, ...]:
        """Mine calls that must all succeed."""
        if not calls:
            return ()
        receipts = self._engine.send_block(calls, self._engine.head.timestamp + 1).receipts
        for call, receipt in zip(calls, receipts, strict=True):
            if not receipt.success:
                raise _refused(call.sender, f"{receipt.label}: {receipt.reason}")
        return receipts


def _refused(who: str, why: str) -> BadInput:
    return BadInput("scenario", who, why, "what the venue accepts before the clock starts")


def _foreseen(
    left: Mapping[Buyer, int], resting: Mapping[int, deque[int]], least: Mapping[int, int]
) -> Iterator[tuple[Buyer, int]]:
    """Yield orders, one of each buyer in turn, until all have what is left for them to buy."""
    todo = dict(left)
    before: dict[Buyer, int] = {}
    while todo and todo != before:
        before = dict(todo)
        for buyer, lots in before.items():
            market, _ = buyer
            asked, filled = asked_for(lots, resting[market], least[market])
            yield buyer, asked
            todo[buyer] -= filled
        todo = {buyer: lots for buyer, lots in todo.items() if lots}


def asked_for(lots: int, resting: deque[int], least: int) -> tuple[int, int]:
    """Return how many of `lots` to ask for, and how many of these there will be; take them.

    `resting` is what the orders in front have, in the order in which they are met. What is left to
    be asked for is never less than `least`.
    """
    reach = sum(islice(resting, MOST_MET))
    asked = lots - least if 0 < lots - reach < least else lots
    filled = left = min(asked, reach)
    while left:
        taken = min(left, resting[0])
        left -= taken
        resting[0] -= taken
        if not resting[0]:
            resting.popleft()
    return asked, filled


def _stand_in(lots: int, makers: Sequence[Member], least: int) -> list[tuple[Member, int]]:
    """Share signed `lots` out among the makers, each at least `least` of them."""
    parts = max(min(len(makers), abs(lots) // least), 1)
    each, rest = divmod(abs(lots), parts)
    side = 1 if lots > 0 else -1
    shares = [each + (place < rest) for place in range(parts)]
    return [(who, side * n) for who, n in zip(makers, shares, strict=False) if n]


def _stop(stake: Stake, distance: Decimal, decimals: int) -> Stop:
    """A stop of the whole position, `distance` of the entry against it."""
    long = stake.lots > 0
    away = stake.entry * (1 - distance if long else 1 + distance)
    level = at_or_below(away, decimals) if long else at_or_above(away, decimals)
    trigger = usd_to_price(level, decimals)
    return Stop(not long, not long, trigger, 0, abs(stake.lots))
