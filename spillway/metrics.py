"""What a run did, in numbers: what each layer of the waterfall took, who paid, and what it cost."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any, ClassVar

from spillway import invariants
from spillway.units import lots_to_size, quote_to_usd, units_to_quote

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from spillway.crash import Run
    from spillway.engines import Event
    from spillway.invariants import Flows, Snapshot

LAYERS = ("book", "insurance", "backstop", "adl", "socialized")


@dataclass(slots=True)
class Layer:
    """What one layer of the waterfall did.

    Attributes:
        count: How often it acted: market orders of the book layer, takeovers, accounts closed by
            auto-deleveraging, losses written off.
        accounts: Whom it acted on: those liquidated; of auto-deleveraging, the winners hit.
        notional: Quote at mark of the positions that it closed.
        loss: Quote. Of the book, what the liquidated gave up against mark; of the backstop, the
            margin that it seized from them; of auto-deleveraging, what winners gave up against
            mark; of socialised losses, what was written off.
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
        needed: What bad debt required: equity below zero of those deleveraged.
        taken: By winner, what auto-deleveraging took from it.
        fills: Of auto-deleveraging.
        leverage_before: Highest leverage of a winner before it was hit.
        leverage_after: Highest leverage of a winner after.
        from_margin: What takeovers brought the vault.
        from_adl: What auto-deleveraging brought the vault, as a loser or a winner.
        flat_loss: What accounts lost that were flat.
        deposited: Units of collateral, since the clock started.
        withdrawn: Units of collateral paid out.
        vault_flows: What depositors put into the vault, less what they took out.
    """

    child: int
    layers: dict[str, Layer] = field(default_factory=lambda: {name: Layer() for name in LAYERS})
    needed: int = 0
    taken: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    fills: int = 0
    leverage_before: Fraction = Fraction(0)
    leverage_after: Fraction = Fraction(0)
    from_margin: int = 0
    from_adl: int = 0
    flat_loss: int = 0
    deposited: int = 0
    withdrawn: int = 0
    vault_flows: int = 0

    def add(self, before: Snapshot, now: Snapshot, events: Sequence[Event], flows: Flows) -> None:
        """Add one block."""
        for event in events:
            adder = self._ADDERS.get(event.name)
            if adder is not None:
                adder(self, event.args, now)
        self._add_backstop_notional(events)
        winners = {e.args.winner for e in events if e.name == "Deleveraged"}
        self.leverage_before = max([self.leverage_before, *_leverages(before, now, winners)])
        self.leverage_after = max([self.leverage_after, *_leverages(now, now, winners)])
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
        self.from_margin += args.equity

    def _add_backstop_notional(self, events: Iterable[Event]) -> None:
        """Add what changed hands in takeovers: exchanges with the child up to BackstopEntered."""
        passed = 0
        for event in events:
            if event.name == "Exchanged" and self.child in (event.args.buyer, event.args.seller):
                passed += event.args.quote
            elif event.name in {"BackstopEntered", "Filled", "Deleveraged", "Closed"}:
                if event.name == "BackstopEntered":
                    self.layers["backstop"].notional += passed
                passed = 0

    def _closing(self, args: Any, _: Snapshot) -> None:
        self.layers["adl"].count += 1
        self.needed += max(-args.equity, 0)

    def _deleveraged(self, args: Any, now: Snapshot) -> None:
        self.fills += 1
        self.layers["adl"].notional += args.lots * now.markets[args.market].mark
        self._take(args.account, args.winner, args.taken)

    def _gap(self, args: Any, _: Snapshot) -> None:
        self._take(args.account, args.winner, args.amount)

    def _take(self, loser: int, winner: int, amount: int) -> None:
        self.layers["adl"].accounts.add(winner)
        self.layers["adl"].loss += amount
        self.taken[winner] += amount
        self.from_adl += amount * ((loser == self.child) - (winner == self.child))

    def _written_off(self, args: Any, _: Snapshot) -> None:
        layer = self.layers["socialized"]
        layer.count += 1
        layer.accounts.add(args.account)
        layer.loss += args.loss

    def _vault_in(self, args: Any, _: Snapshot) -> None:
        self.vault_flows += units_to_quote(args.units)

    def _vault_out(self, args: Any, _: Snapshot) -> None:
        self.vault_flows -= units_to_quote(args.units)

    # What is added for each event that says something of a layer or of the vault.
    _ADDERS: ClassVar[Mapping[str, Callable[[Tally, Any, Snapshot], None]]] = {
        "BookEntered": _book,
        "BackstopEntered": _backstop,
        "ClosingBegun": _closing,
        "Deleveraged": _deleveraged,
        "GapBorne": _gap,
        "DeficitWritten": _written_off,
        "SharesIssued": _vault_in,
        "SharesRedeemed": _vault_out,
    }


def _leverages(held: Snapshot, marked: Snapshot, accounts: Iterable[int]) -> list[Fraction]:
    """Return notional over equity: holdings of one snapshot at the marks of another."""
    seen = replace(held, markets=marked.markets)
    found = []
    for number in accounts:
        equity = seen.equity(number)
        legs = seen.accounts[number].legs.items()
        notional = sum(abs(leg.size) * marked.markets[market].mark for market, leg in legs)
        if equity > 0:
            found.append(Fraction(notional, equity))
    return found


# --- summary -------------------------------------------------------------------------------------


def summary(run: Run) -> dict[str, Any]:
    """Return summary.json: dollars are exact decimals as strings, ratios have 6 digits."""
    tally, now = run.tally, run.now
    taken = sum(tally.taken.values())
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
        "adl": {
            "needed_usd": usd(tally.needed),
            "taken_usd": usd(taken),
            "overshoot_usd": usd(taken - tally.needed),
            "accounts": len(tally.layers["adl"].accounts),
            "fills": tally.fills,
            "largest_share": _ratio(max(tally.taken.values(), default=0), taken),
            "max_leverage_before": round(float(tally.leverage_before), 6),
            "max_leverage_after": round(float(tally.leverage_after), 6),
        },
        "flat_accounts_loss_usd": usd(tally.flat_loss),
        "deficit_usd": usd(now.deficit),
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


def _ratio(part: int, whole: int) -> float:
    return round(float(Fraction(part, whole)), 6) if whole else 0.0
