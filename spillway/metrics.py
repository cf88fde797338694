"""What a run did, in numbers: what each layer of the waterfall took, who paid, and what it cost."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any, ClassVar, overload

from spillway import invariants, measures, winners
from spillway.early import NEAR
from spillway.units import lots_to_size, quote_to_usd, units_to_quote
from spillway.winners import Winners

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from spillway.crash import Run
    from spillway.early import Crowding
    from spillway.engines import Event
    from spillway.invariants import Flows, Snapshot
    from spillway.winners import Worst

LAYERS = ("book", "insurance", "backstop", "adl", "socialized")


@dataclass(slots=True)
class Layer:
    """What one layer of the waterfall did.

    Attributes:
        count: How often it acted: market orders of the book layer, takeovers, accounts closed by
            auto-deleveraging or whose debts were charged to holders, losses written off.
        accounts: Whom it acted on: those liquidated; of auto-deleveraging, the winners hit; of
            socialised losses, the holders charged and those whose debt was written off.
        notional: Quote at mark of the positions that it closed.
        loss: Quote. Of the book, what the liquidated gave up against mark; of insurance, what the
            fund paid; of the backstop, the margin that it seized, less what it paid for accounts
            below zero; of auto-deleveraging, what winners gave up against mark; of socialised
            losses, what holders were charged and what was written off.
    """

    count: int = 0
    accounts: set[int] = field(default_factory=set)
    notional: int = 0
    loss: int = 0


@dataclass(slots=True)
class Tally:
    """Adds a run up, block by block; all amounts in quote.

    Attributes:
        child: The vault's account that takes positions over.
        layers: By name.
        needed: What bad debt required: equity below zero of those deleveraged or socialised.
        winners: What auto-deleveraging took, and from whom.
        first: By layer, number of the block in which it first acted.
        from_margin: What takeovers brought the vault; < 0 where it paid for them.
        from_adl: What auto-deleveraging brought the vault, as a loser or a winner.
        flat_loss: What accounts lost that were flat.
        written_off: What nobody bore; the fee account's part of it included.
        deposited: Units of collateral, since the clock started.
        withdrawn: Units of collateral paid out.
        vault_flows: What depositors put into the vault, less what they took out.
        fund_flows: What was given to the insurance fund.
        handed: By loser whose debts profits are still to bear, at mark, what it has handed over.
    """

    child: int
    layers: dict[str, Layer] = field(default_factory=lambda: {name: Layer() for name in LAYERS})
    needed: int = 0
    winners: Winners = field(default_factory=Winners)
    first: dict[str, int] = field(default_factory=dict)
    from_margin: int = 0
    from_adl: int = 0
    flat_loss: int = 0
    written_off: int = 0
    deposited: int = 0
    withdrawn: int = 0
    vault_flows: int = 0
    fund_flows: int = 0
    handed: dict[int, int] = field(default_factory=dict)

    def add(
        self,
        before: Snapshot,
        now: Snapshot,
        events: Sequence[Event],
        flows: Flows,
        suspects: Iterable[int] | None = None,
    ) -> None:
        """Add one block; `suspects` may be below zero before its waterfall, None = anybody."""
        for event in events:
            adder = self._ADDERS.get(event.name)
            if adder is not None:
                adder(self, event.args, now)
        self._add_taken_over(events)
        found = winners.marked(before, now)
        charged = winners.charges_of(events, before)
        self.layers["socialized"].accounts.update(charged)
        self.from_adl -= charged.get(self.child, 0)
        suspects = found.accounts if suspects is None else suspects
        self.winners.add(found, now, events, suspects, charged)
        for name, layer in self.layers.items():
            if layer.count:
                self.first.setdefault(name, now.block)
        self.flat_loss += sum(lost for _, lost in invariants.flat_losses(before, now, flows))
        self.deposited += flows.deposited
        self.withdrawn += flows.withdrawn

    def _book(self, args: Any, now: Snapshot) -> None:
        layer = self.layers["book"]
        layer.count += 1
        layer.accounts.add(args.account)
        at_mark = args.filled * now.markets[args.market].mark
        layer.notional += at_mark
        layer.loss += args.quote - at_mark if args.is_bid else at_mark - args.quote

    def _backstop(self, args: Any, _: Snapshot) -> None:
        layer = self.layers["backstop"]
        layer.count += 1
        layer.accounts.add(args.account)
        layer.loss += args.equity
        if args.backstop == self.child:
            self.from_margin += args.equity

    def _insurance(self, args: Any, _: Snapshot) -> None:
        if args.paid:
            layer = self.layers["insurance"]
            layer.count += 1
            layer.accounts.add(args.account)
            layer.loss += args.paid

    def _add_taken_over(self, events: Iterable[Event]) -> None:
        """Add what changed hands in takeovers and socialised closings: exchanges up to each."""
        passed: dict[int, int] = defaultdict(int)
        for event in events:
            if event.name == "Exchanged":
                for account in (event.args.buyer, event.args.seller):
                    passed[account] += event.args.quote
            elif event.name == "DebtJoined":
                account = event.args.account
                self.handed[account] = self.handed.get(account, 0) + passed[account]
                passed.clear()
            elif event.name in {"BackstopEntered", "Filled", "Deleveraged", "Closed", "Socialized"}:
                if event.name == "BackstopEntered":
                    self.layers["backstop"].notional += passed[event.args.backstop]
                elif event.name == "Socialized":
                    handed = self.handed.pop(event.args.account, 0) + passed[event.args.account]
                    self.layers["socialized"].notional += handed if event.args.charged else 0
                passed.clear()

    def _closing(self, args: Any, _: Snapshot) -> None:
        self.layers["adl"].count += 1
        self.needed += max(-args.equity, 0)

    def _deleveraged(self, args: Any, now: Snapshot) -> None:
        self.layers["adl"].notional += args.lots * now.markets[args.market].mark
        self._take(args.account, args.winner, args.taken)

    def _gap(self, args: Any, _: Snapshot) -> None:
        self.winners.gaps[args.winner] += args.amount
        self._take(args.account, args.winner, args.amount)

    def _take(self, loser: int, winner: int, amount: int) -> None:
        self.layers["adl"].accounts.add(winner)
        self.layers["adl"].loss += amount
        self.winners.taken[winner] += amount
        self.from_adl += amount * ((loser == self.child) - (winner == self.child))

    def _socialized(self, args: Any, _: Snapshot) -> None:
        self.needed += args.owed
        if args.charged:
            layer = self.layers["socialized"]
            layer.count += 1
            layer.loss += args.charged
            self.from_adl += args.charged * (args.account == self.child)

    def _written_off(self, args: Any, _: Snapshot) -> None:
        layer = self.layers["socialized"]
        layer.count += 1
        layer.accounts.add(args.account)
        layer.loss += args.loss
        self.written_off += args.loss

    def _vault_in(self, args: Any, _: Snapshot) -> None:
        self.vault_flows += units_to_quote(args.units)

    def _vault_out(self, args: Any, _: Snapshot) -> None:
        self.vault_flows -= units_to_quote(args.units)

    def _gift(self, args: Any, _: Snapshot) -> None:
        self.fund_flows += units_to_quote(args.units)

    # What is added for each event that says something of a layer or of the vault.
    _ADDERS: ClassVar[Mapping[str, Callable[[Tally, Any, Snapshot], None]]] = {
        "BookEntered": _book,
        "Covered": _insurance,
        "BackstopEntered": _backstop,
        "ClosingBegun": _closing,
        "Deleveraged": _deleveraged,
        "GapBorne": _gap,
        "DeficitWritten": _written_off,
        "Socialized": _socialized,
        "SharesIssued": _vault_in,
        "SharesRedeemed": _vault_out,
        "Gift": _gift,
    }


# --- summary -------------------------------------------------------------------------------------


def summary(run: Run) -> dict[str, Any]:
    """Return summary.json: dollars are exact decimals as strings, ratios are rounded."""
    tally, now = run.tally, run.now
    result: dict[str, Any] = {
        "scenario": run.scenario.name,
        "venue": run.preset.name,
        "engine": run.engine,
        "seed": run.scenario.seed,
        "blocks": len(run.blocks),
        "transactions": sum(len(block.receipts) for block in run.blocks),
        "gas_used": sum(block.gas_used for block in run.blocks),
        "accounts": len(now.accounts),
        "wall_seconds": round(run.wall_seconds, 3),
        "solvent": not run.findings,
        "state_digest": run.state_digest,
        "conservation": _conservation(run),
        "cash": {
            "deposited": usd(units_to_quote(run.start.custody + tally.deposited)),
            "withdrawn": usd(units_to_quote(tally.withdrawn)),
            "custody": usd(units_to_quote(now.custody)),
        },
        "layers": {name: _layer(layer) for name, layer in tally.layers.items()},
        "vault": _vault(run),
        "fund": _fund(run),
        "adl": _adl(run),
        "flat_accounts_loss_usd": usd(tally.flat_loss),
        "deficit_usd": usd(now.deficit),
        "early_warning": _early(run),
    }
    if run.interrupted:
        result["partial"] = True
    return result


def usd(quote: int) -> str:
    """Write quote as USD, exact, without an exponent or trailing zeros."""
    text = f"{quote_to_usd(quote):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _conservation(run: Run) -> dict[str, int | str]:
    """Return the sum of sizes of each market, and quotes + pots - custody: all of them 0."""
    now = run.now
    sums: dict[str, int | str] = {}
    for number, market in enumerate(run.scenario.markets):
        legs = [held.legs[number].size for held in now.accounts.values() if number in held.legs]
        size = lots_to_size(sum(legs), market.size_decimals)
        sums[market.symbol] = 0 if size == 0 else f"{size:f}"
    quotes = sum(now.quote(number) for number in now.accounts)
    pots = sum(market.pot_quote for market in now.markets)
    sums["quote_minus_custody"] = quotes + pots - units_to_quote(now.custody)
    return sums


def _layer(layer: Layer) -> dict[str, Any]:
    return {
        "count": layer.count,
        "accounts": len(layer.accounts),
        "notional_usd": usd(layer.notional),
        "loss_usd": usd(layer.loss),
    }


def _vault(run: Run) -> dict[str, str]:
    """Split the vault's result: margin seized, ADL, and the rest, which is holding and shedding."""
    end = run.blocks[-1].vault_equity if run.blocks else run.vault_start
    pnl = end - run.vault_start - run.tally.vault_flows
    return {
        "equity_start_usd": usd(run.vault_start),
        "equity_end_usd": usd(end),
        "pnl_usd": usd(pnl),
        "from_margin_usd": usd(run.tally.from_margin),
        "from_book_usd": usd(pnl - run.tally.from_margin - run.tally.from_adl),
        "from_adl_usd": usd(run.tally.from_adl),
    }


def _fund(run: Run) -> dict[str, str]:
    """Tell what the insurance fund, or the counterparty, won or lost; zeros where there is none."""
    start, end = (sum(map(seen.equity, run.payers)) for seen in (run.start, run.now))
    return {
        "equity_start_usd": usd(start),
        "equity_end_usd": usd(end),
        "pnl_usd": usd(end - start - run.tally.fund_flows),
    }


def _adl(run: Run) -> dict[str, Any]:
    tally, lost = run.tally, run.tally.winners
    taken = sum(lost.taken.values())
    profits = [candidate.profit for candidate in lost.worst.candidates.values()]
    forgone = lost.forgone(run.now.markets)
    return {
        "peak_deficit_usd": usd(lost.worst.deficit),
        "capacity_usd": usd(measures.capacity(profits)),
        "needed_usd": usd(tally.needed),
        "taken_usd": usd(taken),
        "overshoot_usd": usd(measures.overshoot(taken, tally.needed)),
        "accounts": len(lost.taken),
        "fills": len(lost.hits),
        "largest_share": _rounded(measures.largest_share(lost.taken.values())),
        "survival": _rounded(lost.survival()),
        "max_leverage_before": _rounded(lost.leverage_before),
        "max_leverage_after": _rounded(lost.leverage_after),
        "seconds_to_adl": _seconds_to_adl(run),
        "forgone_usd": usd(sum(forgone.values())),
        "forgone_accounts": sum(amount > 0 for amount in forgone.values()),
        "benchmarks": _benchmarks(lost.worst),
    }


def _benchmarks(worst: Worst) -> dict[str, dict[str, float | None]]:
    """Tell what two plain rules would do to the candidates of the worst block, for its deficit."""
    ahead = sorted(worst.candidates.values(), key=lambda candidate: -candidate.profit)
    profits = [candidate.profit for candidate in ahead]
    rules = {
        "profit_queue": measures.queue(profits, worst.deficit),
        "wealth_pro_rata": measures.pro_rata(profits, worst.deficit),
    }
    return {
        name: {
            "largest_share": _rounded(measures.largest_share(taken)),
            "survival": _rounded(measures.survival(ahead[0].equity, taken[0])) if ahead else None,
        }
        for name, taken in rules.items()
    }


def _seconds_to_adl(run: Run) -> int | None:
    """Return the time from the first block in which any layer acted to auto-deleveraging's."""
    if "adl" not in run.tally.first:
        return None
    times = {block.number: block.timestamp for block in run.blocks}
    return times[run.tally.first["adl"]] - times[min(run.tally.first.values())]


def _early(run: Run) -> dict[str, Any] | None:
    if run.early is None:
        return None
    early = run.early
    markets = {
        market.symbol: _crowding(seen)
        for market, seen in zip(run.scenario.markets, early.markets, strict=False)
    }
    return {
        "open_interest_usd": usd(early.open_interest),
        "long_by_leverage_usd": _usds(early.by_leverage(longs=True)),
        "short_by_leverage_usd": _usds(early.by_leverage(longs=False)),
        "share_from_10x": _rounded(early.share_from(10)),
        "funding_rate_8h": _rounded(early.funding_rate, 9),
        **{f"depth_{percent}pct_usd": usd(early.depth(percent)) for percent in NEAR},
        **{
            f"depth_{percent}pct_of_open_interest": _rounded(
                Fraction(early.depth(percent), early.open_interest or 1)
            )
            for percent in NEAR
        },
        "fund_usd": usd(early.fund),
        "loss_of_10pct_usd": usd(early.loss),
        "fund_to_loss": _rounded(early.cover),
        "markets": markets,
    }


def _crowding(seen: Crowding) -> dict[str, Any]:
    return {
        "open_interest_usd": usd(seen.open_interest),
        "long_by_leverage_usd": _usds(seen.longs),
        "short_by_leverage_usd": _usds(seen.shorts),
        "funding_rate_8h": _rounded(seen.funding_rate, 9),
        **{f"bids_{percent}pct_usd": usd(seen.bids[percent]) for percent in NEAR},
        **{f"asks_{percent}pct_usd": usd(seen.asks[percent]) for percent in NEAR},
    }


def _usds(amounts: Mapping[str, int]) -> dict[str, str]:
    return {name: usd(amount) for name, amount in amounts.items()}


@overload
def _rounded(ratio: Fraction, digits: int = 6) -> float: ...
@overload
def _rounded(ratio: Fraction | None, digits: int = 6) -> float | None: ...
def _rounded(ratio: Fraction | None, digits: int = 6) -> float | None:
    """Round a ratio for JSON; it is no amount of money."""
    return None if ratio is None else float(round(ratio, digits))
