"""Many runs: from settings of the knobs to jobs, and from jobs to rows, done once and shown."""

from __future__ import annotations

import time
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from spillway import engines, scenario
from spillway.build import build_all
from spillway.deploy import check_fit
from spillway.errors import BadInput
from spillway.sweep import knobs
from spillway.sweep.runner import results
from spillway.sweep.store import SCHEMA
from spillway.sweep.work import BROKEN, FAILED, Job, contracts_digest, key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from distributed import Client
    from rich.console import Console

    from spillway.presets import Preset
    from spillway.scenario import Scenario
    from spillway.sweep.store import Store

DONE, INVARIANT_BROKE, RUN_FAILED = 0, 1, 3
LINES = 20  # of progress where there is no terminal


class Plan:
    """Turns settings of the knobs into jobs."""

    def __init__(self, told: Scenario, preset: Preset, engine: str) -> None:
        """Begin from a scenario and a preset. Raises BadInput for an engine that there isn't."""
        if engine not in engines.NAMES:
            raise BadInput("command line", "--engine", engine, " or ".join(engines.NAMES))
        self._scenario, self._preset, self._engine = told, preset, engine
        self._contracts = contracts_digest(build_all())
        # A row with fewer columns, of an earlier version, does not count as done.
        self._versions = self._contracts + ",".join(SCHEMA.names)

    def job(self, values: Mapping[str, str]) -> Job:
        """Return the run with the knobs at these values. Raises BadInput where they can't be."""
        told, preset = knobs.turned(self._scenario, self._preset, values)
        scenario.check(told, f"{self._scenario.name} with {spelled(values)}")
        check_fit(preset, told)
        name = key(told, preset, self._engine, self._versions)
        return Job(name, dict(values), told, preset, self._engine, self._contracts)


class Batch:
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
        wanted = {job.key: job for job in jobs}  # what is asked for twice is done once
        todo = [job for name, job in wanted.items() if name not in kept]
        if len(todo) < len(wanted):
            self._console.print(f"{len(wanted) - len(todo)} of {len(wanted)} runs are done already")
        if todo:
            self._work(todo)
        return list(self._store.rows(set(wanted)))

    def _work(self, jobs: Sequence[Job]) -> None:
        with _progress(self._console, len(jobs)) as advance:
            for result in results(self._client, jobs):
                self._store.add(result)
                advance(f"{result.status} {spelled(result.job.values)} {result.error}".rstrip())


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


def spelled(values: Mapping[str, str]) -> str:
    """Write settings as a person would."""
    return " ".join(f"{name}={value}" for name, value in values.items())


def exit_code(rows: Iterable[Mapping[str, Any]]) -> int:
    """Return what a command ends with: the worst that became of any of its runs."""
    statuses = {row["status"] for row in rows}
    if BROKEN in statuses:
        return INVARIANT_BROKE
    return RUN_FAILED if FAILED in statuses else DONE
