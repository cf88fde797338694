"""The grid of a sweep: which values each knob takes, and every combination of them."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

from spillway.errors import BadInput
from spillway.sweep import knobs
from spillway.sweep.knobs import OPTION

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

MAX_RUNS = 100_000

Axes = dict[str, tuple[str, ...]]


def parse(texts: Sequence[str]) -> Axes:
    """Read `name=value,value,...,name=value,...`; a value `a:b` stands for a, a + 1, ..., b - 1.

    Raises BadInput for an unknown knob, a value that is not allowed, or one that comes twice.
    """
    axes: dict[str, list[str]] = {}
    for text in texts:
        name = ""
        for part in text.split(","):
            before, equals, after = part.partition("=")
            if equals:
                name = before.strip()
                if name in axes:
                    raise BadInput("command line", OPTION, name, "each knob once")
                axes[name] = []
            if not name:
                raise BadInput("command line", OPTION, text, "knob=value,value,...")
            axes[name] += _values(name, (after if equals else part).strip())
    for name, values in axes.items():
        if len(set(values)) != len(values):
            raise BadInput("command line", f"{OPTION} {name}", ", ".join(values), "each value once")
    return {name: tuple(values) for name, values in axes.items()}


def points(axes: Axes) -> Iterator[Mapping[str, str]]:
    """Yield every combination; the last knob turns fastest. Raises BadInput for too many."""
    runs = 1
    for values in axes.values():
        runs *= len(values)
    if runs > MAX_RUNS:
        raise BadInput("command line", OPTION, f"{runs} runs", f"at most {MAX_RUNS}")
    return (dict(zip(axes, values, strict=True)) for values in product(*axes.values()))


def _values(name: str, text: str) -> list[str]:
    first, colon, last = text.partition(":")
    if not colon:
        return [knobs.read(name, text)]
    if not (first.isdecimal() and last.isdecimal() and int(first) < int(last)):
        allowed = "a:b, whole numbers, a below b"
        raise BadInput("command line", f"{OPTION} {name}", text, allowed)
    return [knobs.read(name, str(value)) for value in range(int(first), int(last))]
