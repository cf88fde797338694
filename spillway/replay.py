"""A replay: recorded accounts, closed in recorded batches, in the order of a ranking policy.

Before the clock every winner is opened at its own entry price, with the collateral that gives it
its recorded value at the price at which it was closed. Then, batch by batch, three blocks:

    losers take over the lots of the batch -> the mark is the batch's price, and they are worth
    nothing -> the mark falls by MOVE, they are below zero, and are deleveraged at the mark before

Nobody else is judged in between, nobody trades, and the book is empty: docs/real_accounts.md.
"""

from __future__ import annotations

import time
from collections import defaultdict
from dataclasses import dataclass, field, replace
from decimal import ROUND_FLOOR, Context, Decimal
from typing import TYPE_CHECKING

from spillway import invariants, observe
from spillway.actors.closings import Closings
from spillway.actors.view import View
from spillway.deploy import cast_size
from spillway.engines.protocol import TX_GAS_LIMIT
from spillway.entrants import LEAST_NOTIONAL
from spillway.errors import BadInput
from spillway.presets import PPM
from spillway.real_entries import Entry, grouped, paged, two_prices
from spillway.real_story import LEAD, PEOPLE
from spillway.units import QUOTE_DECIMALS, QUOTE_PER_UNIT, usd_to_price, usd_to_quote, usdc_to_units
from spillway.venue import Kind, Member, Order, Report, Venue

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from spillway.crash import Stage
    from spillway.engines import Address, Call, Event, Receipt
    from spillway.invariants import Finding, Snapshot
    from spillway.real_story import Story
    from spillway.rebuild import Batch, Part, Record, Winner
    from spillway.scenario import Scenario

MOVE = Decimal("0.0001")  # by which the mark falls below the price of a batch
SLACK = Decimal("0.001")  # kept free of margin, and of the band, where positions are opened
LEAST_BAND = Decimal("0.055")  # a short opened so far above mark is margin enough at 20x
HOUR = 3600
RICH = 20  # the rest of the market has so many times the notional of all winners
GRAIN = Decimal("0.000001")  # of a mark, USD

_CONTEXT = Context(prec=80, rounding=ROUND_FLOOR)


@dataclass(frozen=True, slots=True)
class Hit:
    """A winner that was closed in a batch: lots, and the quote that passed with them."""

    batch: Batch
    user: str
    loser: str
    lots: int
    quote: int
    tier: int


@dataclass(slots=True)
class Replay:
    """A replay under one policy.

    Attributes:
        policy: That ranked the winners.
        engine: On which it was played.
        hits: In the order in which they were closed.
        played: The batches that were replayed, each with the lots that it closed.
        too_small: Batches that were left out.
        raised: Accounts that got more collateral than their row implies, since no account can be
            opened with less.
        left_out: Positions too small to be opened.
        findings: Invariants that broke; the replay ends with the first.
        blocks: That were judged.
        transactions: In them.
        wall_seconds: That it took, set-up included.
    """

    policy: str
    engine: str
    hits: list[Hit] = field(default_factory=list)
    played: list[Batch] = field(default_factory=list)
    too_small: list[Batch] = field(default_factory=list)
    raised: list[str] = field(default_factory=list)
    left_out: list[Part] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    blocks: int = 0
    transactions: int = 0
    wall_seconds: float = 0.0


def perform(stage: Stage, told: Scenario, story: Story, record: Record) -> Replay:
    """Replay the batches on a venue that stands. Raises BadInput where it can't be set up."""
    began = time.monotonic()
    result = _Stand(stage, told, story, record).play()
    result.wall_seconds = time.monotonic() - began
    return result


class _Stand:
    """A venue on which a replay is set up and played."""

    def __init__(self, stage: Stage, told: Scenario, story: Story, record: Record) -> None:
        self._engine = stage.engine
        self._stage = stage
        self._told = told
        self._story = story
        self._record = record
        self._venue = Venue(stage.contracts)
        self._decimals = [market.size_decimals for market in told.markets]
        self._band = Decimal(stage.preset.trading.band_ppm) / PPM
        self._fee = stage.preset.trading.taker_fee_ppm
        first = cast_size(stage.preset, told)
        self._owners = [self._engine.sender(first + place) for place in range(PEOPLE)]
        self._closings = Closings(self._venue, stage.people.keeper, stage.preset.adl)
        self._marks = [Decimal(0)] * len(told.markets)  # 0 = not yet set
        self._users: dict[int, str] = {}  # by account
        self.result = Replay(stage.preset.adl.policy, stage.engine.name)

    def play(self) -> Replay:
        """Set the stage, play the batches."""
        if self._band < LEAST_BAND:
            found = self._stage.preset.trading.band_ppm
            raise BadInput(
                "venue", "trading.band_ppm", found, f"at least {int(LEAST_BAND * PPM)} for a replay"
            )
        self.open()
        seconds: dict[int, list[Batch]] = defaultdict(list)
        for batch in self._playable():
            seconds[batch.time].append(batch)
        for at, batches in sorted(seconds.items()):
            self._play(at, batches)
            if self.result.findings:
                break
        return self.result

    # --- before the clock --------------------------------------------------------------------

    def open(self) -> None:
        """Open winners, the rest of the market and losers, and all positions of the winners."""
        at = self._told.clock.start_time // HOUR * HOUR + 1  # no funding is paid within the hour
        self._engine.send_block([], max(at, self._engine.head.timestamp + 1))
        winners = [
            (winner, parts)
            for winner in self._record.winners
            if (parts := [part for part in winner.parts if self._large_enough(part)])
        ]
        plans = [self._planned(winner, parts) for winner, parts in winners]
        notional = sum(
            (self._usd(part.lots, part.market) * part.entry for _, ps in winners for part in ps),
            Decimal(0),
        )
        units = [units for units, _ in plans]
        members = self._arrive(self._owners[0], [w.user for w, _ in winners], units)
        rest = _CONTEXT.multiply(notional, Decimal(RICH)).quantize(Decimal(1))
        (self._rest,) = self._arrive(self._owners[1], ["rest"], [usdc_to_units(rest)])
        self.losers = self._arrive(
            self._owners[2],
            [loser.name for loser in self._story.losers],
            [usd_to_quote(loser.equity_usd) // QUOTE_PER_UNIT for loser in self._story.losers],
        )
        self._users = {member.account: member.name for member in members}
        entries = [
            replace(entry, member=member)
            for member, (_, planned) in zip(members, plans, strict=True)
            for entry in planned
        ]
        for number in range(len(self._decimals)):
            for mark, group in grouped([e for e in entries if e.market == number]):
                self._marks[number] = mark
                self._enter(number, group)
        self._observer = observe.Observer(
            self._engine, self._venue, self._stage.pool, self._stage.preset, self._told
        )
        self.now: Snapshot = self._observer.snapshot()

    @property
    def accounts(self) -> dict[str, int]:
        """The account of each winner, by its address."""
        return {name: number for number, name in self._users.items()}

    def _large_enough(self, part: Part) -> bool:
        """Whether a position may be opened; if not, note it."""
        enough = self._usd(part.lots, part.market) * min(part.entry, part.price) >= LEAST_NOTIONAL
        if not enough:
            self.result.left_out.append(part)
        return enough

    def _planned(self, winner: Winner, parts: Sequence[Part]) -> tuple[int, list[Entry]]:
        """Return the collateral, units, and the entries of a winner."""
        splits = [
            two_prices(
                part.lots,
                self._usd(part.lots, part.market) * part.entry,
                self._decimals[part.market],
            )
            for part in parts
        ]
        fees = profit = 0
        for part, steps in zip(parts, splits, strict=True):
            decimals = self._decimals[part.market]
            for price, lots in steps:
                notional = lots * usd_to_price(price, decimals)
                fees += -(-notional * self._fee // PPM)
                profit += notional
            profit -= part.lots * _price(part.price, decimals)
        quote = usd_to_quote(winner.value) - profit + fees
        ranges = [
            self._marks_of(part, steps, Decimal(quote - fees).scaleb(-QUOTE_DECIMALS) / len(parts))
            for part, steps in zip(parts, splits, strict=True)
        ]
        lacking = max((need for _, _, need in ranges), default=Decimal(0))
        if quote <= 0 or lacking > 0:
            self.result.raised.append(winner.user)
            least = usd_to_quote((lacking * len(parts)).quantize(Decimal("0.01")) + 1)
            quote = max(quote, 0) + least if quote > 0 else fees + least
        nobody = Member("", "", "")
        entries = [
            Entry(
                member=nobody,
                market=part.market,
                low=steps[-1][0],
                lots_low=steps[-1][1],
                high=steps[0][0],
                lots_high=steps[0][1] if len(steps) > 1 else 0,
                marks=(low, max(low, high)),
            )
            for part, steps, (low, high, _) in zip(parts, splits, ranges, strict=True)
        ]
        return -(-quote // QUOTE_PER_UNIT), entries

    def _marks_of(
        self, part: Part, steps: Sequence[tuple[Decimal, int]], cash: Decimal
    ) -> tuple[Decimal, Decimal, Decimal]:
        """Return the marks between which a position may be opened, and the USD that it lacks.

        A short is opened above mark, by as much as the band allows: the profit is margin.
        """
        size = self._usd(part.lots, part.market)
        low = _CONTEXT.divide(steps[0][0], 1 + self._band * (1 - SLACK))
        market = self._told.markets[part.market]
        proceeds = sum((price * self._usd(n, part.market) for price, n in steps), Decimal(0))
        rate = 1 + _CONTEXT.divide(Decimal(1), Decimal(market.max_leverage_at(size * low))) + SLACK
        high = min(
            _CONTEXT.divide(cash + proceeds, size * rate),
            _CONTEXT.divide(steps[-1][0], 1 - self._band * (1 - SLACK)),
        )
        lacking = max(size * low * rate - proceeds - cash, Decimal(0))
        return low, high, lacking

    def _arrive(self, owner: Address, names: Sequence[str], units: Sequence[int]) -> list[Member]:
        """Open accounts of one owner, with collateral."""
        venue, admin = self._venue, self._stage.people.admin
        self._send(
            [
                venue.mint(owner, sum(units), admin),
                venue.approve(owner, venue.contracts.custody.address),
            ]
        )
        receipts = self._send([venue.open_account(owner, None) for _ in names])
        opened = [event.account for r in receipts for event in r.named("AccountOpened")]
        members = [Member(n, "", owner, a) for n, a in zip(names, opened, strict=True)]
        self._send(
            [venue.deposit(member, amount) for member, amount in zip(members, units, strict=True)]
        )
        return members

    def _enter(self, market: int, group: Sequence[Entry]) -> None:
        """Open shorts at a mark: the rest of the market bids for each, and each takes its bids."""
        calls = self._prices(self._marks, self._engine.head.timestamp + 1)
        wanted = 0
        for page in paged(group):
            bids = [step for entry in page for step in entry.steps]
            calls.append(self._quote(market, bids, is_bid=True))
            calls += [
                self._take(entry.member, market, entry.low, entry.lots, is_bid=False)
                for entry in page
            ]
            wanted += sum(entry.lots for entry in page)
        self._check_filled(self._send(calls), wanted)

    # --- batches -----------------------------------------------------------------------------

    def _playable(self) -> Iterator[Batch]:
        """Yield the batches that are replayed, with no more lots than the winners have."""
        held = [0] * len(self._decimals)
        for leg in (leg for held_by in self.now.accounts.values() for leg in held_by.legs.items()):
            held[leg[0]] += max(-leg[1].size, 0)
        left = list(held)
        for batch in self._record.batches:
            lots = min(batch.lots, left[batch.market])
            if not batch.price or batch.notional < self._story.least_batch_usd or not lots:
                self.result.too_small.append(batch)
                continue
            left[batch.market] -= lots
            yield replace(batch, lots=lots)

    def _play(self, at: int, batches: Sequence[Batch]) -> None:
        """Play the batches of one second."""
        self.result.played += batches
        at = max(at, self._engine.head.timestamp + LEAD + 1)
        calls, marks = self._taken_over(batches, at - LEAD)
        self._mine(calls, at - LEAD, sum(batch.lots for batch in batches))
        for batch in batches:
            marks[batch.market] = batch.price
        self._mine(self._prices(marks, at - LEAD + 1), at - LEAD + 1)
        for batch in batches:
            marks[batch.market] = _CONTEXT.multiply(batch.price, 1 - MOVE).quantize(GRAIN)
        self._marks = marks
        calls = self._prices(marks, at)
        with self._engine.rehearse(calls, at) as seen:
            now = self._observer.after(self.now, _events(seen.receipts))
            accounts = [member.account for member in self.losers]
            below = [number for number in accounts if now.equity(number) < 0]
            view = View(block=self.result.blocks, time=at, now=now)
            calls += self._closings.of(below, view) if below else []
        in_market = {batch.market: batch for batch in batches}
        losers = {member.account: member.name for member in self.losers}
        for receipt in self._mine(calls, at):
            for event in receipt.named("Deleveraged"):
                hit = Hit(
                    batch=in_market[event.market],
                    user=self._users.get(event.winner, "rest"),
                    loser=losers[event.account],
                    lots=event.lots,
                    quote=event.quote,
                    tier=event.tier,
                )
                self.result.hits.append(hit)
        for number in accounts:
            if not self.now.accounts[number].flat:
                why = f"{losers[number]} not closed at {at}"
                raise BadInput("venue", "replay", why, "losers that every batch closes whole")

    def _taken_over(self, batches: Sequence[Batch], at: int) -> tuple[list[Call], list[Decimal]]:
        """Have each loser buy its part, so that it is worth nothing at the prices of the batches.

        It pays less than mark, by as much as the band allows: that stands in for the margin which
        a liquidator of the vault need not have.
        """
        buys: list[tuple[Member, int, list[tuple[Decimal, int]]]] = []
        parts = [self._split(batch.lots, batch) for batch in batches]
        for place, member in enumerate(self.losers):
            worth = [
                self._usd(part[place], batch.market) * batch.price
                for part, batch in zip(parts, batches, strict=True)
            ]
            if not any(worth):
                continue
            cash = Decimal(self.now.quote(member.account)).scaleb(-QUOTE_DECIMALS)
            loss = _CONTEXT.divide(cash, sum(worth, Decimal(0)))
            scale = _CONTEXT.divide(1 + loss, 1 + Decimal(self._fee) / PPM)
            if scale > 1 + self._band:
                allowed = f"at most {self._band:%} of the positions that it loses it on"
                found = f"{cash:.2f} on {sum(worth):.2f} USD"
                raise BadInput(self._story.name, f"equity_usd of {member.name}", found, allowed)
            for usd, part, batch in zip(worth, parts, batches, strict=True):
                if part[place]:
                    cost = _CONTEXT.multiply(usd, scale)
                    steps = two_prices(part[place], cost, self._decimals[batch.market])
                    buys.append((member, batch.market, steps))
        marks = list(self._marks)
        for batch in batches:
            lowest = min(
                price for _, market, steps in buys if market == batch.market for price, _ in steps
            )
            mark = _CONTEXT.divide(lowest, 1 - self._band * (1 - SLACK))
            marks[batch.market] = mark.quantize(GRAIN, ROUND_FLOOR)
        calls = self._prices(marks, at)
        for member, market, steps in buys:
            calls.append(self._quote(market, steps, is_bid=False))
            lots = sum(lots for _, lots in steps)
            calls.append(self._take(member, market, steps[0][0], lots, is_bid=True))
        return calls, marks

    def _split(self, lots: int, batch: Batch) -> list[int]:
        """Share the lots of a batch out among the losers; a part too small is the largest's."""
        weights = [loser.passed_on_usd for loser in self._story.losers]
        total = sum(weights, Decimal(0))
        parts = [int(_CONTEXT.divide(lots * weight, total)) for weight in weights]
        for place, part in enumerate(parts):
            if self._usd(part, batch.market) * batch.price < 2 * LEAST_NOTIONAL:
                parts[place] = 0
        largest = weights.index(max(weights))
        parts[largest] += lots - sum(parts)
        return parts

    # --- calls -------------------------------------------------------------------------------

    def _usd(self, lots: int, market: int) -> Decimal:
        """Return lots as a size of the asset."""
        return Decimal(lots).scaleb(-self._decimals[market])

    def _prices(self, marks: Sequence[Decimal], at: int) -> list[Call]:
        """Have every reporter see these prices: with an empty book the marks are just those."""
        reports = [
            Report(number, price, price)
            for number, mark in enumerate(marks)
            if (price := _price(mark, self._decimals[number]))
        ]
        people = self._stage.people
        posts = [self._venue.post(who, at, reports) for who in people.reporters]
        markets = [report.market for report in reports]
        return [*posts, *self._venue.updates(markets, people.keeper)]

    def _quote(self, market: int, steps: Sequence[tuple[Decimal, int]], *, is_bid: bool) -> Call:
        orders = [
            Order(is_bid, usd_to_price(price, self._decimals[market]), lots, Kind.POST_ONLY)
            for price, lots in steps
        ]
        call = self._venue.requote(self._rest, market, [], orders)
        return call._replace(gas=TX_GAS_LIMIT)

    def _take(self, member: Member, market: int, usd: Decimal, lots: int, *, is_bid: bool) -> Call:
        price = usd_to_price(usd, self._decimals[market])
        return self._venue.place(member, market, Order(is_bid, price, lots, Kind.IOC))

    def _check_filled(self, receipts: Sequence[Receipt], wanted: int) -> None:
        filled = sum(event.lots for receipt in receipts for event in receipt.named("Filled"))
        if filled != wanted:
            found = f"{filled} of {wanted} lots filled"
            raise BadInput("venue", "margin rules", found, "what the replay's accounts begin with")

    def _send(self, calls: Sequence[Call]) -> tuple[Receipt, ...]:
        """Mine calls that must all succeed."""
        receipts = self._engine.send_block(calls, self._engine.head.timestamp + 1).receipts
        _check_all(receipts)
        return receipts

    def _mine(
        self, calls: Sequence[Call], at: int, wanted: int | None = None
    ) -> tuple[Receipt, ...]:
        """Mine a block of the replay and judge it."""
        before = self.now
        receipts = self._engine.send_block(calls, at).receipts
        # Whoever closes page by page sends a page too many rather than one too few.
        _check_all([receipt for receipt in receipts if receipt.label != "Adl.close"])
        if wanted is not None:
            self._check_filled(receipts, wanted)
        events = _events(receipts)
        self.now = self._observer.after(before, events)
        flows = observe.flows(events, self._observer.junior(self.now))
        self.result.findings += invariants.check(before, self.now, flows)
        self.result.blocks += 1
        self.result.transactions += len(receipts)
        return receipts


def _price(usd: Decimal, size_decimals: int) -> int:
    """Quote per lot, toward zero: of a price that is the market's average."""
    return int(usd.scaleb(QUOTE_DECIMALS - size_decimals, _CONTEXT))


def _check_all(receipts: Sequence[Receipt]) -> None:
    for receipt in receipts:
        if not receipt.success:
            why = f"{receipt.label}: {receipt.reason}"
            raise BadInput("venue", "replay", why, "what the venue accepts")


def _events(receipts: Sequence[Receipt]) -> list[Event]:
    return [event for receipt in receipts for event in receipt.events]
