"""TOML files in and out: strict tables, errors of one line, exact decimals.

Every number with a point is a Decimal. A file that says anything unexpected raises BadInput with
the file, the field, what was found and what is allowed.
"""

from __future__ import annotations

import tomllib
from datetime import date, datetime
from decimal import Decimal
from difflib import get_close_matches
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from spillway.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path


def _number(value: object) -> object:
    """Refuse what pydantic would take for a number in silence: flags and text."""
    if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
        raise PydanticCustomError("decimal_type", "not a number")
    return Decimal(value)


Number = Annotated[Decimal, BeforeValidator(_number)]
Whole = Annotated[int, Field(strict=True)]
Flag = Annotated[bool, Field(strict=True)]
Text = Annotated[str, Field(strict=True, min_length=1)]


class Table(BaseModel):
    """A table of a TOML file: immutable, and any key that it does not know is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _know_every_key(cls, data: Any) -> Any:
        if isinstance(data, dict):
            for key in data:
                if key not in cls.model_fields:
                    (nearest,) = get_close_matches(key, cls.model_fields, n=1, cutoff=0)
                    found = {"key": key, "nearest": nearest, "value": data[key]}
                    raise PydanticCustomError("unknown_key", "unknown key", found)
        return data


AnyTable = TypeVar("AnyTable", bound=Table)


def read(path: Path, shape: type[AnyTable]) -> AnyTable:
    """Read a TOML file as a table of `shape`. Raises BadInput."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    except FileNotFoundError:
        raise BadInput(str(path), "file", "nothing", "a TOML file") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadInput(str(path), "syntax", str(error), "TOML") from None
    return shaped(data, shape, str(path))


def shaped(data: Mapping[str, Any], shape: type[AnyTable], file: str) -> AnyTable:
    """Check `data`, as read from `file`, against `shape`. Raises BadInput."""
    try:
        return shape.model_validate(data)
    except ValidationError as error:
        raise _bad_input(error, file) from None


def field_path(*parts: str | int) -> str:
    """Name a field as in `markets[0].path.bars[3]`."""
    path = ""
    for part in parts:
        path += f"[{part}]" if isinstance(part, int) else f".{part}"
    return path.removeprefix(".")


# What is allowed, by pydantic's type of error; the braces are filled from the error's context.
_ALLOWED = {
    "missing": "a value: this key is required",
    "decimal_type": "a number",
    "finite_number": "a finite number",
    "int_type": "a whole number",
    "bool_type": "true or false",
    "string_type": "text",
    "string_too_short": "text that is not empty",
    "string_pattern_mismatch": "text that matches {pattern}",
    "datetime_type": "a date and time with its offset, such as 2025-10-10T20:50:00Z",
    "moment": "a block of the run, or a date and time with its offset",
    "timezone_aware": "a date and time with its offset, such as 2025-10-10T20:50:00Z",
    "greater_than": "more than {gt}",
    "greater_than_equal": "at least {ge}",
    "less_than": "less than {lt}",
    "less_than_equal": "at most {le}",
    "literal_error": "{expected}",
    "too_short": "at least {min_length} of them",
    "too_long": "at most {max_length} of them",
    "tuple_type": "a list",
    "list_type": "a list",
    "model_type": "a table",
    "model_attributes_type": "a table",
    "dict_type": "a table",
}


def _bad_input(error: ValidationError, file: str) -> BadInput:
    first = error.errors()[0]
    context = first.get("ctx", {})
    kind = first["type"]
    parts = tuple(first["loc"])
    value = first["input"]
    if kind == "unknown_key":
        allowed = f"a known key; the nearest is {context['nearest']!r}"
        parts, value = (*parts, context["key"]), context["value"]
        return BadInput(file, field_path(*parts), _shown(value), allowed)
    if kind == "missing":
        value = "nothing"
    allowed = _ALLOWED.get(kind, first["msg"]).format(**context)
    return BadInput(file, field_path(*parts), _shown(value), allowed)


def _shown(value: object) -> object:
    """What an error shows of a value: not a whole table, nor what Python calls a date."""
    if isinstance(value, (dict, list)):
        return "a table" if isinstance(value, dict) else "a list"
    return str(value) if isinstance(value, date) else value


# --- writing -------------------------------------------------------------------------------------


def written(table: Table) -> str:
    """Write a table as TOML that `read` turns into an equal one; None is left out."""
    data = table.model_dump(exclude_none=True)
    return "\n".join(_lines(data, ())) + "\n"


def _lines(data: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[str]:
    """Write the plain keys of a table, then its tables, then its lists of tables."""
    tables = {key: value for key, value in data.items() if isinstance(value, dict)}
    lists = {key: value for key, value in data.items() if _is_list_of_tables(value)}
    for key, value in data.items():
        if key not in tables and key not in lists:
            yield f"{key} = {_inline(value)}"
    for key, value in tables.items():
        yield f"\n[{'.'.join((*path, key))}]"
        yield from _lines(value, (*path, key))
    for key, items in lists.items():
        for item in items:
            yield f"\n[[{'.'.join((*path, key))}]]"
            yield from _lines(item, (*path, key))


def _is_list_of_tables(value: object) -> bool:
    return isinstance(value, (list, tuple)) and any(isinstance(item, dict) for item in value)


def _inline(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, Decimal):
        return f"{value:f}" if value != value.to_integral_value() else f"{value:.1f}"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_inline, value))}]"
    return str(value)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + escaped.replace("\n", "\\n").replace("\t", "\\t").replace("\r", "\\r") + '"'
