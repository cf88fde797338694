"""What `ape run sweep` does once its options are read: plan, run what is not done, show."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich.console import Console

from spillway import presets, scenario
from spillway.errors import BadInput
from spillway.sweep import edge, grid, knobs, table
from spillway.sweep.batch import Batch, Plan, exit_code
from spillway.sweep.runner import Cluster, connect
from spillway.sweep.store import Store

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from decimal import Decimal
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Options:
    """The command line."""

    scenario: str
    over: tuple[str, ...]
    venue: str
    engine: str
    out: Path
    cluster: Cluster
    adaptive: str = ""
    edge: str = "adl"
    within: str = "0.01"


def sweep(options: Options, console: Console | None = None) -> int:
    """Do a grid of runs, or search for an edge; give the exit code.

    Raises BadInput, before anything is written, for options and files that are not allowed.
    """
    console = console or Console(highlight=False)
    told = scenario.load(scenario.find(options.scenario))
    preset = presets.load(presets.find(options.venue))
    plan = Plan(told, preset, options.engine)
    search = (
        edge.parse(options.adaptive, options.edge, options.within) if options.adaptive else None
    )
    axes = grid.parse(options.over)
    settings = list(grid.points(axes))
    if search and search.knob in axes:
        raise BadInput("command line", "--over", search.knob, f"knobs other than {search.knob}")
    ends = [{search.knob: knobs.spelled(search.low)}] if search else [{}]
    jobs = [plan.job({**setting, **end}) for setting in settings for end in ends]
    store = Store(options.out)
    with ExitStack() as stack:
        batch = Batch(console, store, lambda: stack.enter_context(connect(options.cluster)))
        if search is None:
            rows = batch.do(jobs)
            console.print(table.render(rows, list(axes)))
        else:
            rows = _search(batch, plan, search, settings, console)
    console.print(f"written to {options.out}", soft_wrap=True)
    return exit_code(rows)


def _search(
    batch: Batch,
    plan: Plan,
    search: edge.Search,
    settings: Sequence[Mapping[str, str]],
    console: Console,
) -> list[dict[str, Any]]:
    done: list[dict[str, Any]] = []

    def runs_at(value: Decimal) -> list[dict[str, Any]]:
        turned = {search.knob: knobs.spelled(value)}
        rows = batch.do([plan.job({**setting, **turned}) for setting in settings])
        done.extend(rows)
        return rows

    bracket = edge.find(search, runs_at)
    console.print(table.render(done, [search.knob]))
    for sentence in edge.told(search, bracket, len(done)):
        console.print(sentence, soft_wrap=True)
    return done
