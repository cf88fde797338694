"""What a comparison looks like on a terminal: a row for each venue and policy, in a few tables.

The measures come in parts. As many parts stand side by side as the terminal has room for; the
others follow in tables of their own, with the same rows. docs/measures.md defines every column.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from decimal import Context, Decimal
from pathlib import Path
from statistics import mean
from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.text import Text

from spillway.sweep.work import BROKEN, FAILED, SOLVENT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from rich.console import RenderableType

    Row = Mapping[str, Any]
    Value = Decimal | float | int

GAP = 2  # blanks between columns
PART_GAP = 2  # and so many more between parts
LABEL = 18  # blanks for names at least; a longer one is folded, unless there is room
NONE = "-"
DEFICIT = "deficit"
TROUBLES = 10  # told in full
UNITS = ((9, "B"), (6, "M"), (3, "k"), (0, ""))
STYLES = {SOLVENT: "green", DEFICIT: "yellow", BROKEN: "bold red", FAILED: "red"}


# --- numbers -------------------------------------------------------------------------------------


def usd(amount: Value) -> str:
    """Write an amount in three digits: `911k`, `-62.6k`, `1.31M`, `57.30`; nothing is `-`."""
    return short(Decimal(amount)) if amount else NONE


def claim(amount: Value) -> str:
    """Write an amount of which it matters that it is 0."""
    return short(Decimal(amount))


def signed(amount: Value) -> str:
    """Write a result."""
    return f"{'+' if amount > 0 else ''}{short(Decimal(amount))}" if amount else NONE


def short(amount: Decimal) -> str:
    """Write three significant digits with k, M, B; cents below 100."""
    rounded = Context(prec=3).create_decimal(amount)
    if abs(rounded) < 100:
        return f"{amount:.2f}" if amount else "0"
    power, unit = next(each for each in UNITS if abs(rounded) >= 10 ** each[0])
    scaled = rounded.scaleb(-power)
    return f"{scaled:.{max(2 - scaled.adjusted(), 0)}f}{unit}"


def percent(ratio: Value) -> str:
    """Write a ratio."""
    return f"{ratio * 100:.1f}%"


def times(ratio: Value) -> str:
    """Write a leverage."""
    return f"{ratio:.1f}x"


def multiple(ratio: Value) -> str:
    """Write how many times one amount covers another."""
    return f"{ratio:.2f}x"


def rate(ratio: Value) -> str:
    """Write a funding rate."""
    return f"{ratio * 100:.4f}%"


def count(number: Value) -> str:
    """Write a number of things, or the mean of such numbers."""
    return f"{number:,.0f}" if number == int(number) else f"{number:,.1f}"


# --- measures ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Measure:
    """A column: its heading, line by line; the column of a run's row; how it is written."""

    heading: str
    name: str
    write: Callable[[Value], str]
    only_with_adl: bool = False  # it says nothing of a run in which no winner was hit

    def of(self, row: Row) -> Value | None:
        """Return what a run's row says; None where it says nothing."""
        hit = "adl_count", "adl_hit_accounts"  # charges per lot close nobody, and still hit
        if row["status"] == FAILED or (self.only_with_adl and not any(row[each] for each in hit)):
            return None
        value: Value | None = row[self.name]
        return value


PARTS: Mapping[str, tuple[Measure, ...]] = {
    "lost by layer, USD": (
        Measure("book", "book_loss_usd", usd),
        Measure("fund", "insurance_loss_usd", usd),
        Measure("back-\nstop", "backstop_loss_usd", usd),
        Measure("ADL", "adl_loss_usd", usd),
        Measure("social-\nised", "socialized_loss_usd", usd),
        Measure("deficit", "deficit_usd", claim),
    ),
    "auto-deleveraging, USD": (
        Measure("peak\ndeficit", "adl_peak_deficit_usd", usd),
        Measure("could\ngive", "adl_capacity_usd", usd),
        Measure("needed", "adl_needed_usd", usd),
        Measure("taken", "adl_taken_usd", usd),
        Measure("over-\nshoot", "adl_overshoot_usd", signed),
        Measure("if\nheld", "adl_forgone_usd", signed),
    ),
    "winners": (
        Measure("hit", "adl_hit_accounts", count),
        Measure("largest\nshare", "adl_largest_share", percent, only_with_adl=True),
        Measure("if pro\nrata", "wealth_pro_rata_largest_share", percent, only_with_adl=True),
        Measure("top\nkeeps", "adl_survival", percent, only_with_adl=True),
        Measure("highest\nleverage", "adl_max_leverage_after", times, only_with_adl=True),
        Measure("ADL\nafter s", "adl_seconds_to_adl", count),
    ),
    "vault and fund, USD": (
        Measure("vault\nresult", "vault_pnl_usd", signed),
        Measure("margin\nseized", "vault_from_margin_usd", signed),
        Measure("book\nexits", "vault_from_book_usd", signed),
        Measure("ADL\nexits", "vault_from_adl_usd", signed),
        Measure("fund\nresult", "fund_pnl_usd", signed),
        Measure("flat\nlost", "flat_accounts_loss_usd", claim),
    ),
    "before the crash": (
        Measure("open\ninterest", "early_open_interest_usd", usd),
        Measure("at\n10x+", "early_share_from_10x", percent),
        Measure("funding\n8 h", "early_funding_rate_8h", rate),
        Measure("1%\ndepth", "early_depth_1pct_of_open_interest", percent),
        Measure("2%\ndepth", "early_depth_2pct_of_open_interest", percent),
        Measure("fund", "early_fund_usd", usd),
        Measure("10%\nmove", "early_loss_of_10pct_usd", usd),
        Measure("cover", "early_fund_to_loss", multiple),
    ),
}


# --- columns -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Column:
    """A column with everything that stands in it, each a few lines."""

    heading: Sequence[str]
    cells: Sequence[Sequence[Text]]
    left: bool = False

    @property
    def width(self) -> int:
        """The longest line."""
        lines = [len(line) for cell in self.cells for line in cell]
        return max([*map(len, self.heading), *lines])


@dataclass(frozen=True, slots=True)
class Block:
    """Columns under a title."""

    title: str
    columns: Sequence[Column]

    @property
    def width(self) -> int:
        """Of its columns with the gaps before them; the title stands above."""
        columns = sum(GAP + column.width for column in self.columns)
        return PART_GAP + max(columns, GAP + len(self.title))


def render(rows: Sequence[Row], width: int) -> RenderableType:
    """Draw the runs, those of one venue and policy in one row, on so many columns."""
    groups = _grouped(rows)
    label = Column((), [_label(*names, max(LABEL, width // 5)) for names in groups], left=True)
    verdict = Column(("verdict",), [_verdict(runs) for runs in groups.values()], left=True)
    blocks = [
        Block("", (verdict,)),
        *(
            Block(title, [_column(measure, groups.values()) for measure in measures])
            for title, measures in PARTS.items()
        ),
    ]
    many = max(map(len, groups.values()))
    title = Text(f"{rows[0]['scenario']}: {_counted(len(groups), many)}", style="bold")
    pages = [_page(label, page) for page in _paged(blocks, width - label.width)]
    return Group("", title, *pages, "", _legend(many), *_troubles(rows))


def _grouped(rows: Sequence[Row]) -> dict[tuple[str, str], list[Row]]:
    """Return (venue, policy) -> its runs, in the order of the rows."""
    asked = dict.fromkeys(row["knob_venue"] for row in rows)
    stems = Counter(_stem(venue) for venue in asked)
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        venue = row["knob_venue"]
        named = _stem(venue) if stems[_stem(venue)] == 1 else venue
        groups.setdefault((named, row["policy"]), []).append(row)
    return groups


def _stem(venue: str) -> str:
    return Path(venue).stem if venue.endswith(".toml") else venue


def _label(venue: str, policy: str, room: int) -> list[Text]:
    return [
        *(Text(line, style="bold") for line in _folded(venue, room)),
        *(Text(line, style="dim") for line in _folded(policy, room)),
    ]


def _folded(name: str, room: int) -> list[str]:
    """Break a long name behind its underscores."""
    lines = [""]
    for part in name.replace("_", "_\n").splitlines():
        if lines[-1] and len(lines[-1]) + len(part) > room:
            lines.append("")
        lines[-1] += part
    return lines


def _verdict(runs: Sequence[Row]) -> list[Text]:
    """Say how the runs ended, the best first; with a number where they did not all end alike."""
    ends = Counter(DEFICIT if row["deficit_usd"] else row["status"] for row in _unbroken(runs))
    ends += Counter(row["status"] for row in runs if row["status"] in {BROKEN, FAILED})
    return [
        Text(end if ends[end] == len(runs) else f"{ends[end]} {end}", style=style)
        for end, style in STYLES.items()
        if ends[end]
    ]


def _unbroken(runs: Sequence[Row]) -> Iterator[Row]:
    return (row for row in runs if row["status"] == SOLVENT)


def _column(measure: Measure, groups: Iterable[Sequence[Row]]) -> Column:
    return Column(measure.heading.split("\n"), [_cell(measure, runs) for runs in groups])


def _cell(measure: Measure, runs: Sequence[Row]) -> list[Text]:
    """Write the mean, and below it the lowest and the highest where they are not written alike."""
    values: list[Any] = [value for value in map(measure.of, runs) if value is not None]
    if not values:
        return [Text(NONE, style="dim")]
    middle, lowest, highest = (
        measure.write(each) for each in (mean(values), min(values), max(values))
    )
    cell = [Text(middle, style="dim" if middle == NONE else "")]
    if lowest != highest:
        cell += [Text(lowest, style="dim"), Text(highest, style="dim")]
    return cell


# --- pages ---------------------------------------------------------------------------------------


def _paged(blocks: Sequence[Block], room: int) -> list[list[Block]]:
    """Spread blocks over pages of a width; a block is broken where it is wider than a page."""
    pages: list[list[Block]] = [[]]
    left = room
    for block in blocks:
        for piece in [block] if block.width <= room else _broken(block, room):
            if piece.width > left and pages[-1]:
                pages.append([])
                left = room
            pages[-1].append(piece)
            left -= piece.width
    return pages


def _broken(block: Block, room: int) -> list[Block]:
    pieces = [Block(block.title, [])]
    for column in block.columns:
        tried = Block(block.title, [*pieces[-1].columns, column])
        if tried.width > room and pieces[-1].columns:
            tried = Block(block.title, [column])
            pieces.append(tried)
        pieces[-1] = tried
    return pieces


def _page(label: Column, blocks: Sequence[Block]) -> Text:
    """Draw a table: the titles of its blocks, the headings of its columns, a row a label."""
    page = Text("\n", no_wrap=True, overflow="crop")
    titles, columns = Text(" " * label.width), [(label, label.width)]
    for block in blocks:
        # The gap, and what a title needs beyond its columns, is the first one's.
        widths = [GAP + column.width for column in block.columns]
        widths[0] += block.width - sum(widths)
        columns += zip(block.columns, widths, strict=True)
        titles.append(" " * (PART_GAP + GAP))
        titles.append(f"{block.title:<{block.width - PART_GAP - GAP}}", style="italic cyan")
    if any(block.title for block in blocks):
        page.append(titles).append("\n")
    high = max(len(column.heading) for column, _ in columns)
    page.append(
        _lines([(column, _raised(column.heading, high), width) for column, width in columns])
    )
    page.append("─" * sum(width for _, width in columns) + "\n", style="dim")
    for place in range(len(label.cells)):
        page.append(_lines([(column, column.cells[place], width) for column, width in columns]))
    page.rstrip()
    return page


def _raised(heading: Sequence[str], high: int) -> list[Text]:
    """Let a heading stand on the rule below it."""
    return [Text(line) for line in [*[""] * (high - len(heading)), *heading]]


def _lines(cells: Sequence[tuple[Column, Sequence[Text], int]]) -> Text:
    """Draw cells side by side, each with its lines from the top."""
    drawn = Text()
    for place in range(max(len(lines) for _, lines, _ in cells)):
        line = Text()
        for column, lines, width in cells:
            text = lines[place] if place < len(lines) else Text()
            blank = " " * (width - len(text))
            if column.left:
                gap = " " * (GAP + PART_GAP) if line else ""
                line.append(gap).append(text).append(blank[len(gap) :])
            else:
                line.append(blank).append(text)
        drawn.append(line).append("\n")
    return drawn


# --- words ---------------------------------------------------------------------------------------


def _counted(groups: int, many: int) -> str:
    rows = "a venue and policy" if groups == 1 else f"{groups} venues and policies"
    return f"{rows}, {many} seeds each" if many > 1 else rows


def _legend(many: int) -> Text:
    seeds = f"Mean of {many} seeds; below it the lowest and the highest. " if many > 1 else ""
    units = "k is 1,000, M a million, - nothing. "
    return Text(f"{seeds}{units}docs/measures.md defines every column.\n", style="dim")


def _troubles(rows: Sequence[Row]) -> list[Text]:
    """Tell what went wrong in the runs that are not solvent."""
    told = [
        Text(f"{row['status']}: ", style=STYLES[row["status"]]).append(
            f"{row['knob_venue']}, {row['policy']}, seed {row['seed']}: {row['error']}",
            style="not bold default",
        )
        for row in rows
        if row["status"] in {BROKEN, FAILED}
    ]
    more = len(told) - TROUBLES
    return [*told[:TROUBLES], *([Text(f"and {more} more: see column `error`")] if more > 0 else [])]
