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

# Layer -> what it is called, what it counts, who pays what it takes. docs/waterfall.md says more.
_LAYERS = {
    "book": ("book", "orders", "liquidated"),
    "insurance": ("insurance", "payments", "fund"),
    "backstop": ("backstop", "takeovers", "liquidated"),
    "adl": ("ADL", "closings", "winners"),
    "socialized": ("socialised", "losses", "others"),
}
_IDLE = "-"


def render(run: Run, summary: Mapping[str, Any]) -> RenderableType:
    """Draw a run that has ended; it reads well from 80 columns on."""
    lines = Table.grid(padding=(0, 2))
    lines.add_column(style="dim")
    lines.add_column(overflow="fold")
    lines.add_row("vault", _vault(summary["vault"]))
    if summary["adl"]["fills"]:
        lines.add_row("ADL", _adl(summary["adl"]))
    lines.add_row("verdict", _verdict(run, summary))
    return Group(_waterfall(summary), lines)


def _waterfall(summary: Mapping[str, Any]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True, title_justify="left")
    table.title = f"{summary['scenario']} at {summary['venue']}"
    table.add_column("layer")
    table.add_column("acted", justify="right")
    table.add_column("accounts", justify="right")
    table.add_column("notional USD", justify="right")
    table.add_column("took USD", justify="right")
    table.add_column("paid by")
    for name, layer in summary["layers"].items():
        title, counts, payer = _LAYERS[name]
        if layer["count"]:
            amounts = money(layer["notional_usd"]), money(layer["loss_usd"])
            table.add_row(
                title, _counted(layer["count"], counts), str(layer["accounts"]), *amounts, payer
            )
        else:
            table.add_row(title, *[_IDLE] * 4, style="dim")
    return table


def _vault(vault: Mapping[str, str]) -> Text:
    text = Text(f"{money(vault['pnl_usd'], sign=True)} USD", style="bold")
    parts = ", ".join(
        f"{label} {money(vault[key], sign=True)}"
        for label, key in (
            ("margin seized", "from_margin_usd"),
            ("holding and shedding", "from_book_usd"),
            ("ADL", "from_adl_usd"),
        )
    )
    return text.append(f" = {parts}", style="not bold")


def _adl(adl: Mapping[str, Any]) -> str:
    return (
        f"{money(adl['needed_usd'])} USD needed, {money(adl['taken_usd'])} taken in "
        f"{_counted(adl['fills'], 'fills')} from {_counted(adl['accounts'], 'winners')}"
    )


def _verdict(run: Run, summary: Mapping[str, Any]) -> Text:
    if run.findings:
        finding = run.findings[0]
        who = ", ".join(map(str, finding.accounts)) or "none in particular"
        text = Text(f"{finding.invariant} broken in block {finding.block}", style="bold red")
        return text.append(f" (accounts: {who}): {finding.detail}", style="not bold default")
    text = Text("solvent at every block", style="bold green")
    facts = (
        f": {summary['blocks']} blocks{' until interrupted' if run.interrupted else ''}, "
        f"{summary['transactions']:,} transactions in {summary['wall_seconds']:.0f} s; "
        f"flat accounts lost {money(summary['flat_accounts_loss_usd'])} USD, "
        f"deficit {money(summary['deficit_usd'])} USD"
    )
    return text.append(facts, style="not bold default")


def _counted(number: int, things: str) -> str:
    return f"{number} {things}" if number != 1 else f"1 {things.removesuffix('s')}"


def money(usd: str, *, sign: bool = False) -> str:
    """Round an exact amount to whole USD with thousands apart, or to cents below 100."""
    amount = Decimal(usd)
    step = Decimal("0.01") if 0 < abs(amount) < 100 else Decimal(1)
    rounded = amount.quantize(step, ROUND_HALF_EVEN)
    return f"{rounded:+,}" if sign else f"{rounded:,}"
