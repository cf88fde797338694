"""What `ape run sweep` does once its options are read: plan, run what is not done, show."""

from __future__ import annotations

import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from spillway import engines, presets, scenario
from spillway.build import build_all
from spillway.errors import BadInput
from spillway.sweep import edge, grid, knobs, table
from spillway.sweep.runner import Cluster, connect, results
from spillway.sweep.store import Store
from spillway.sweep.work import BROKEN, FAILED, Job, contracts_digest, key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from decimal import Decimal
    from pathlib import Path

    from distributed import Client


DONE, INVARIANT_BROKE, RUN_FAILED = 0, 1, 3
LINES = 20  # of progress where there is no terminal


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
    plan = _Plan(options)
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
        batch = _Batch(console, store, lambda: stack.enter_context(connect(options.cluster)))
        if search is None:
            rows = batch.do(jobs)
            console.print(table.render(rows, list(axes)))
        else:
            rows = _search(batch, plan, search, settings, console)
    console.print(f"written to {options.out}", soft_wrap=True)
    return _exit_code(rows)


def _search(
    batch: _Batch,
    plan: _Plan,
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


def _exit_code(rows: Iterable[Mapping[str, Any]]) -> int:
    statuses = {row["status"] for row in rows}
    if BROKEN in statuses:
        return INVARIANT_BROKE
    return RUN_FAILED if FAILED in statuses else DONE


class _Plan:
    """Turns settings of the knobs into jobs."""

    def __init__(self, options: Options) -> None:
        self._scenario = scenario.load(scenario.find(options.scenario))
        self._preset = presets.load(presets.find(options.venue))
        if options.engine not in engines.NAMES:
            raise BadInput("command line", "--engine", options.engine, " or ".join(engines.NAMES))
        self._engine = options.engine
        self._contracts = contracts_digest(build_all())

    def job(self, values: Mapping[str, str]) -> Job:
        """Return the run with the knobs at these values. Raises BadInput where they can't be."""
        told, preset = knobs.turned(self._scenario, self._preset, values)
        scenario.check(told, f"{self._scenario.name} with {_spelled(values)}")
        name = key(told, preset, self._engine, self._contracts)
        return Job(name, dict(values), told, preset, self._engine, self._contracts)


class _Batch:
    """Does jobs that are not done yet, and shows how far it is."""

    def __init__(self, console: Console, store: Store, cluster: Callable[[], Client]) -> None:
        self._console = console
        self._store = store
        self._cluster = cluster

    @cached_property
    def _client(self) -> Client:
        """The cluster's client; where everything is done already, no cluster starts."""
        return self._cluster()

    def do(self, jobs: Sequence[Job]) -> list[dict[str, Any]]:
        """Return a row for each job, old and new."""
        kept = self._store.done()
        todo = [job for job in jobs if job.key not in kept]
        if len(todo) < len(jobs):
            self._console.print(f"{len(jobs) - len(todo)} of {len(jobs)} runs are done already")
        if todo:
            self._work(todo)
        return list(self._store.rows({job.key for job in jobs}))

    def _work(self, jobs: Sequence[Job]) -> None:
        with _progress(self._console, len(jobs)) as advance:
            for result in results(self._client, jobs):
                self._store.add(result)
                advance(f"{result.status} {_spelled(result.job.values)} {result.error}".rstrip())


@contextmanager
def _progress(console: Console, total: int) -> Iterator[Callable[[str], None]]:
    """Show a bar with rate and remaining time on a terminal, plain lines elsewhere."""
    began, done = time.monotonic(), 0

    def rate() -> str:
        return f"{done / max(time.monotonic() - began, 1e-9) * 60:.1f} runs a minute"

    if not console.is_terminal:

        def line(what: str) -> None:
            nonlocal done
            done += 1
            if done == total or done % max(total // LINES, 1) == 0:
                console.print(f"{done} of {total} runs  {rate()}  {what}", soft_wrap=True)

        yield line
        return
    columns = (
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.description}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("starting", total=total)

        def move(_: str) -> None:
            nonlocal done
            done += 1
            progress.update(task, completed=done, description=rate())

        yield move


def _spelled(values: Mapping[str, str]) -> str:
    return " ".join(f"{name}={value}" for name, value in values.items())
