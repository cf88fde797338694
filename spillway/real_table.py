"""What a replay looks like on a terminal: the record, and each policy beside it."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from spillway.waterfall_table import money

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import RenderableType

    from spillway.real_story import Story
    from spillway.rebuild import Record
    from spillway.replay import Replay

_NONE = "-"


def tables_told(rebuilt: Record, story: Story) -> str:
    """Say what was read, before anything is replayed."""
    symbols = " and ".join(terms.symbol for terms in story.markets)
    return (
        f"{len(rebuilt.winners):,} accounts of {len(rebuilt.notionals):,} were closed in {symbols} "
        f"in {len(rebuilt.batches)} batches"
    )


def progress(replay: Replay) -> str:
    """Say that a policy has been replayed."""
    return (
        f"{replay.policy}: {len(replay.played)} batches, {len(replay.hits):,} fills in "
        f"{replay.wall_seconds:.0f} s"
    )


def render(summary: Mapping[str, Any]) -> RenderableType:
    """Draw a replay that has ended; it reads well from 80 columns on."""
    lines = Table.grid(padding=(0, 2))
    lines.add_column(style="dim")
    lines.add_column(overflow="fold")
    lines.add_row("matched", "closed in the batch that is recorded, of what one is recorded of")
    lines.add_row("read", _read(summary))
    lines.add_row("left out", _left_out(summary))
    lines.add_row("verdict", _verdict(summary))
    untold = Table.grid(padding=(0, 1))
    untold.add_column()
    untold.add_column(overflow="fold")
    for sentence in summary["cannot_tell"]:
        untold.add_row("-", sentence)
    heading = Text("What the tables cannot tell", style="italic")
    return Group(
        _policies(summary), _half_way(summary), lines, Padding(heading, (1, 0, 0, 0)), untold
    )


def _policies(summary: Mapping[str, Any]) -> Table:
    recorded = summary["recorded"]
    symbols = ", ".join(market["market"] for market in summary["markets"])
    table = _table(f"{summary['scenario']} at {summary['venue']}, shares of notional in %")
    table.add_column("matched", justify="right")
    table.add_row("recorded, all markets", *_spread(recorded["all_markets"]), _NONE)
    table.add_row(f"recorded, {symbols}", *_spread(recorded["replayed_markets"]), _NONE)
    chance = _percent(summary["matched_by_chance"])
    table.add_row("by chance", *[_NONE] * 5, chance, end_section=True)
    for policy in summary["policies"]:
        table.add_row(policy["policy"], *_spread(policy), _percent(policy["matched"]))
    return table


def _half_way(summary: Mapping[str, Any]) -> Table:
    recorded = summary["recorded"]
    at = datetime.fromtimestamp(recorded["half_time"], UTC).strftime("%H:%M:%S")
    table = _table(f"until {at} UTC, when half of it was closed")
    single = _spread(recorded["half_way_single_fills"])
    table.add_row("recorded, single fills", *single, end_section=True)
    for policy in summary["policies"]:
        table.add_row(policy["policy"], *_spread(policy["half_way"]))
    return table


def _table(title: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True, title_justify="left")
    table.title = title
    table.add_column("policy", no_wrap=True, min_width=25)
    for column in ("M USD", "accounts", "top 1", "top 10", "top 100"):
        table.add_column(column, justify="right", no_wrap=True)
    return table


def _spread(found: Mapping[str, Any]) -> list[str]:
    millions = (Decimal(found["notional_usd"]) / 10**6).quantize(Decimal("0.1"), ROUND_HALF_EVEN)
    tops = [_percent(found[f"top_{top}"]) for top in (1, 10, 100)]
    return [f"{millions:,}", f"{found['accounts']:,}", *tops]


def _percent(share: str) -> str:
    return f"{(Decimal(share) * 100).quantize(Decimal('0.1'), ROUND_HALF_EVEN)}"


def _read(summary: Mapping[str, Any]) -> str:
    parts = []
    for market in summary["markets"]:
        basis = market["positions"]
        estimated = basis["weighed"]["accounts"] + basis["shared"]["accounts"]
        share = Decimal(basis["read"]["notional_usd"]) / Decimal(market["recorded_usd"])
        parts.append(
            f"{market['market']}: {market['batches_priced']} of {market['batches']} batches; "
            f"{basis['read']['accounts']:,} positions to the lot, {_percent(str(share))} % of "
            f"notional; {estimated:,} by estimate"
        )
    return "\n".join(parts)


def _left_out(summary: Mapping[str, Any]) -> str:
    left = summary["not_replayed"]
    return (
        f"{money(left['longs_usd'])} USD of longs, {left['batches_too_small']} batches of "
        f"{money(left['batches_too_small_usd'])} USD in all, {left['positions_too_small']} "
        f"positions below the smallest order; {left['accounts_with_more_collateral']} accounts got "
        "more collateral than their value implies"
    )


def _verdict(summary: Mapping[str, Any]) -> Text:
    for policy in summary["policies"]:
        for finding in policy["findings"][:1]:
            where = f"{finding['invariant']} broken in block {finding['block']}"
            text = Text(f"{where} under {policy['policy']}", style="bold red")
            return text.append(f": {finding['detail']}", style="not bold default")
    text = Text("solvent at every block", style="bold green")
    blocks = sum(policy["blocks"] for policy in summary["policies"])
    calls = sum(policy["transactions"] for policy in summary["policies"])
    seconds = sum(policy["wall_seconds"] for policy in summary["policies"])
    facts = f": {blocks:,} blocks judged, {calls:,} transactions in them, {seconds:.0f} s"
    return text.append(facts, style="not bold default")
