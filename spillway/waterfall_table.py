"""What a run looks like on a terminal: the waterfall, who paid, the vault, the verdict."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Group
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import RenderableType

    from spillway.crash import Run

# Layer -> what it is called, what it counts, and who pays what it takes.
_LAYERS = {
    "book": ("book", "orders", "the liquidated, against mark"),
    "insurance": ("insurance fund", "payments", "the fund"),
    "backstop": ("vault's backstop", "takeovers", "the liquidated: margin left"),
    "adl": ("auto-deleveraging", "closings", "winners, against mark"),
    "socialized": ("deficit", "losses", "nobody yet"),
}


def render(run: Run, summary: Mapping[str, Any]) -> RenderableType:
    """Draw a run that has ended."""
    return Group(_waterfall(summary), _vault(summary), *_adl(summary), _verdict(run, summary))


def _waterfall(summary: Mapping[str, Any]) -> Table:
    title = f"{summary['scenario']} at {summary['venue']}: what each layer took"
    table = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left", pad_edge=False)
    table.add_column("layer")
    table.add_column("acted", justify="right")
    table.add_column("accounts", justify="right")
    table.add_column("notional USD", justify="right")
    table.add_column("took USD", justify="right")
    table.add_column("who paid", overflow="fold")
    for name, layer in summary["layers"].items():
        title, counts, payer = _LAYERS[name]
        idle = not layer["count"]
        table.add_row(
            title,
            f"{layer['count']} {counts}" if not idle else "-",
            str(layer["accounts"]) if not idle else "-",
            money(layer["notional_usd"]) if not idle else "-",
            money(layer["loss_usd"]) if not idle else "-",
            payer if not idle else "",
            style="dim" if idle else "",
        )
    return table


def _vault(summary: Mapping[str, Any]) -> Text:
    vault = summary["vault"]
    parts = ", ".join(
        f"{label} {money(vault[key], sign=True)}"
        for label, key in (
            ("margin seized", "from_margin_usd"),
            ("holding and shedding", "from_book_usd"),
            ("auto-deleveraging", "from_adl_usd"),
        )
    )
    text = Text(f"vault   {money(vault['pnl_usd'], sign=True)} USD", style="bold")
    return text.append(f"  ({parts})", style="not bold")


def _adl(summary: Mapping[str, Any]) -> list[Text]:
    adl = summary["adl"]
    if not adl["fills"]:
        return []
    return [
        Text(
            f"adl     {money(adl['taken_usd'])} USD taken from {adl['accounts']} winners in "
            f"{adl['fills']} fills, {money(adl['needed_usd'])} needed, "
            f"{money(adl['overshoot_usd'])} over"
        )
    ]


def _verdict(run: Run, summary: Mapping[str, Any]) -> Text:
    blocks = summary["blocks"]
    text = Text("verdict ")
    if run.findings:
        finding = run.findings[0]
        who = ", ".join(map(str, finding.accounts)) or "none in particular"
        text.append(f"{finding.invariant} broken", style="bold red")
        return text.append(f" in block {finding.block} (accounts: {who}): {finding.detail}")
    text.append("solvent at every block", style="bold green")
    ended = f"interrupted after {blocks}" if run.interrupted else f"{blocks}"
    text.append(
        f": {ended} blocks, {summary['transactions']} transactions, flat accounts lost "
        f"{money(summary['flat_accounts_loss_usd'])}, deficit {money(summary['deficit_usd'])} USD, "
        f"{summary['wall_seconds']:.0f} s"
    )
    return text


def money(usd: str, *, sign: bool = False) -> str:
    """Round an exact amount to whole USD, with thousands apart; cents where it is small."""
    amount = Decimal(usd)
    step = Decimal("0.01") if 0 < abs(amount) < 100 else Decimal(1)
    rounded = amount.quantize(step, ROUND_HALF_EVEN)
    return f"{rounded:+,}" if sign else f"{rounded:,}"
