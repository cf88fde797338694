"""Public tables of the auto-deleveraging on Hyperliquid on 10 October 2025, read strictly.

No table is part of this project: whoever wants to read them clones the repositories that `TABLES`
names, and tells the folder. A table that says anything unexpected raises BadInput with the file,
the row (counted from 1, below the heading) or field, what was found and what is allowed.
"""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import PydanticCustomError

from spillway.errors import BadInput
from spillway.tables import field_path

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

MILLISECONDS = 1000


@dataclass(frozen=True, slots=True)
class Source:
    """A table: the file names that it goes by, where it is published, and what it tells."""

    names: tuple[str, ...]
    origin: str
    what: str

    @property
    def told(self) -> str:
        """Say which file, and where it is."""
        return f"{' or '.join(self.names)} ({self.what}; github.com/{self.origin})"


TABLES = {
    "accounts": Source(
        ("adl_by_user_REALTIME.csv",),
        "ConejoCapital/HyperMultiAssetedADL @79bad0f",
        "a row for each account",
    ),
    "flow": Source(
        ("adl_flow_data.json",),
        "ConejoCapital/ADLVisualizer @8998256",
        "the batches",
    ),
    "positions": Source(
        ("positions_BTC_SOL_13031.csv", "positions_FINAL.csv"),
        "ConejoCapital/HyperAnalyzeADL @18a7319",
        "who held what in BTC and SOL",
    ),
}


def _number(value: object) -> Decimal:
    """Take a number out of a file: text of a CSV file, Decimal or int of a JSON file."""
    if isinstance(value, bool) or not isinstance(value, (str, int, Decimal)):
        raise PydanticCustomError("number", "a finite number")
    try:
        number = Decimal(value)
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite():
        raise PydanticCustomError("number", "a finite number")
    return number


def _whole(value: object) -> int:
    number = _number(value)
    if number != number.to_integral_value():
        raise PydanticCustomError("whole", "a whole number")
    return int(number)


def _flag(value: object) -> bool:
    if value not in {"True", "False"}:
        raise PydanticCustomError("flag", "True or False")
    return value == "True"


Number = Annotated[Decimal, BeforeValidator(_number)]
NotNegative = Annotated[Decimal, BeforeValidator(_number), Field(ge=0)]
Positive = Annotated[Decimal, BeforeValidator(_number), Field(gt=0)]
Count = Annotated[int, BeforeValidator(_whole), Field(ge=1)]
Flag = Annotated[bool, BeforeValidator(_flag)]
User = Annotated[str, Field(pattern=r"^0x[0-9a-f]{40}$")]
Symbol = Annotated[str, Field(min_length=1)]


class Row(BaseModel):
    """What is read of a row or an object; what it says beside that is left alone."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class Deleveraged(Row):
    """An account that was auto-deleveraged, over all markets. Amounts in USD."""

    user: User
    adl_notional: Positive
    closed_pnl: Number  # of what was closed
    account_value_realtime: Number  # with unrealised profit, when it was closed
    num_adl_events: Count  # fills


class PositionHeld(Row):
    """An account's part in one market over the twelve minutes."""

    user_address: User
    asset: Symbol
    side: Literal["LONG", "SHORT"]
    position_size: NotNegative  # at the end, of the asset
    mark_price: Positive  # at the end
    realized_pnl: Number  # of all its trades in this market
    was_adl: Flag
    trades_count: Count


class Bucket(Row):
    """A second with auto-deleveraging: market -> USD closed, at the price of the closing."""

    time: Annotated[int, BeforeValidator(_whole), Field(gt=0)]  # milliseconds
    adldByAsset: dict[Symbol, NotNegative]  # noqa: N815 (the file's own name)


class Flow(Row):
    """All seconds with auto-deleveraging, ascending."""

    timeBuckets: Annotated[tuple[Bucket, ...], Field(min_length=1)]  # noqa: N815 (as above)


@dataclass(frozen=True, slots=True)
class Oct10:
    """The tables that a replay needs, and the file of each, by the keys of TABLES."""

    files: Mapping[str, Path]
    accounts: tuple[Deleveraged, ...]
    positions: tuple[PositionHeld, ...]
    flow: Flow

    def bad(self, table: str, field: str, value: object, allowed: str) -> BadInput:
        """Return the error of a table that contradicts another, or itself."""
        return BadInput(str(self.files[table]), field, value, allowed)


def read(folder: Path | None) -> Oct10:
    """Read the tables from a folder, or from below it. Raises BadInput."""
    files = find(folder)
    flow = read_json(files["flow"], Flow)
    times = [bucket.time for bucket in flow.timeBuckets]
    for place, (before, after) in enumerate(pairwise(times), 1):
        if after <= before:
            where = field_path("timeBuckets", place, "time")
            raise BadInput(str(files["flow"]), where, after, f"more than {before}: times ascend")
    accounts = read_csv(files["accounts"], Deleveraged)
    positions = read_csv(files["positions"], PositionHeld)
    _check_each_once([row.user for row in accounts], files["accounts"], "user")
    held = [f"{row.user_address} in {row.asset}" for row in positions]
    _check_each_once(held, files["positions"], "user_address")
    return Oct10(files, accounts, positions, flow)


def find(folder: Path | None) -> dict[str, Path]:
    """Find the file of each table in a folder, or below it. Raises BadInput if one is missing."""
    everything = "; ".join(source.told for source in TABLES.values())
    if folder is None:
        raise BadInput("command line", "--data", "nothing", f"a folder with {everything}")
    if not folder.is_dir():
        raise BadInput("command line", "--data", str(folder), f"a folder with {everything}")
    found: dict[str, Path] = {}
    for table, source in TABLES.items():
        files = [path for name in source.names for path in folder.rglob(name) if path.is_file()]
        if files:  # the one closest to the top, where there are several
            found[table] = min(files, key=lambda path: (len(path.parts), str(path)))
    missing = [source.told for table, source in TABLES.items() if table not in found]
    if missing:
        there = ", ".join(path.name for path in found.values()) or "no table"
        allowed = f"a folder that also has {'; '.join(missing)}"
        raise BadInput("command line", "--data", f"{folder} with {there}", allowed)
    return found


AnyRow = TypeVar("AnyRow", bound=Row)


def read_csv(path: Path, shape: type[AnyRow]) -> tuple[AnyRow, ...]:
    """Read a CSV file, a row of `shape` each. Raises BadInput."""
    reader = csv.DictReader(_text(path).splitlines())
    there = list(reader.fieldnames or ())
    for column in shape.model_fields:
        if column not in there:
            allowed = f"a column {column}"
            raise BadInput(str(path), "columns", ", ".join(there) or "nothing", allowed)
    rows = tuple(
        _shaped(row, shape, path, f"row {number}, ") for number, row in enumerate(reader, 1)
    )
    if not rows:
        raise BadInput(str(path), "rows", "none", "at least one")
    return rows


def read_json(path: Path, shape: type[AnyRow]) -> AnyRow:
    """Read a JSON file as one object of `shape`. Raises BadInput."""
    try:
        data = json.loads(_text(path), parse_float=Decimal)
    except json.JSONDecodeError as error:
        raise BadInput(str(path), "syntax", str(error), "JSON") from None
    if not isinstance(data, dict):
        raise BadInput(str(path), "file", type(data).__name__, "an object")
    return _shaped(data, shape, path, "")


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise BadInput(str(path), "file", str(error), "UTF-8 text") from None


def _shaped(data: Mapping[str, Any], shape: type[AnyRow], path: Path, where: str) -> AnyRow:
    try:
        return shape.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        field = where + field_path(*first["loc"])
        found = "nothing" if first["type"] == "missing" else first["input"]
        if isinstance(found, (dict, list)):
            found = "an object" if isinstance(found, dict) else "a list"
        allowed = first["msg"].removeprefix("Input should be ").lower()
        if first["type"] in {"missing", "string_type"}:
            allowed = "a value"
        raise BadInput(str(path), field, found, allowed) from None


def _check_each_once(keys: Sequence[str], path: Path, field: str) -> None:
    seen: set[str] = set()
    for number, key in enumerate(keys, 1):
        if key in seen:
            raise BadInput(str(path), f"row {number}, {field}", key, "each once")
        seen.add(key)
