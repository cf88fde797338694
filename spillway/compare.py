"""What `ape run compare` does once its options are read: every venue and policy on one crash."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console

from spillway import compare_table, deploy, presets, scenario
from spillway.errors import BadInput
from spillway.sweep.batch import Batch, Plan, exit_code
from spillway.sweep.runner import Cluster, connect
from spillway.sweep.store import SCHEMA, Store

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from spillway.scenario import Scenario
    from spillway.sweep.work import Job

INTERRUPTED = 130
MAX_RUNS = 10_000
TABLE = "compare.parquet"


@dataclass(frozen=True, slots=True)
class Options:
    """The command line.

    `venues` empty = all presets that can list the markets, `policies` empty = each venue's own.
    """

    scenario: str
    engine: str
    out: Path
    cluster: Cluster
    venues: tuple[str, ...] = ()
    policies: tuple[str, ...] = ()
    seeds: int = 1
    traders: int | None = None


def compare(options: Options, console: Console | None = None) -> int:
    """Run a scenario under every venue and policy and show them side by side; give the exit code.

    Raises BadInput, before anything is written, for options and files that are not allowed.
    """
    console = console or Console(highlight=False)
    jobs = plan(options)
    store = Store(options.out)
    code = None
    with ExitStack() as stack:
        batch = Batch(console, store, lambda: stack.enter_context(connect(options.cluster)))
        try:
            batch.do(jobs)
        except KeyboardInterrupt:
            code = INTERRUPTED
    rows = in_order(jobs, store)
    options.out.mkdir(parents=True, exist_ok=True)
    write(rows, options.out / TABLE)
    if rows:
        console.print(compare_table.render(rows, console.width))
    if code == INTERRUPTED:
        console.print(f"interrupted: {len(rows)} of {len(jobs)} runs are done", soft_wrap=True)
    console.print(f"written to {options.out / TABLE}", soft_wrap=True)
    return exit_code(rows) if code is None else code


def plan(options: Options) -> list[Job]:
    """Return the runs: venue by venue, policy by policy, seed by seed. Raises BadInput."""
    told = scenario.load(scenario.find(options.scenario))
    if options.traders is not None:
        told = scenario.grown(told, options.traders)
    if options.seeds < 1:
        raise BadInput("command line", "--seeds", options.seeds, "at least 1")
    venues = options.venues or tuple(name for name in presets.names() if _fits(name, told))
    for venue in venues:
        presets.find(venue, "--venues")
    for policy in options.policies:
        if policy not in presets.POLICIES:
            allowed = ", ".join(presets.POLICIES)
            raise BadInput("command line", "--policies", policy, allowed)
    _once("--venues", venues)
    _once("--policies", options.policies)
    runs = len(venues) * max(len(options.policies), 1) * options.seeds
    if runs > MAX_RUNS:
        raise BadInput("command line", "--seeds", f"{runs} runs", f"at most {MAX_RUNS}")
    made = Plan(told, presets.load(presets.find(venues[0])), options.engine)
    ruled = [{"policy": policy} for policy in options.policies] or [{}]
    seeds = range(told.seed, told.seed + options.seeds)
    return [
        made.job({"venue": venue, **policy, "seed": str(seed)})
        for venue, policy, seed in product(venues, ruled, seeds)
    ]


def _fits(venue: str, told: Scenario) -> bool:
    """Whether a venue can list the markets of a scenario."""
    return deploy.fits(presets.load(presets.find(venue)), told)


def _once(option: str, values: Sequence[str]) -> None:
    for place, value in enumerate(values):
        if value in values[:place]:
            raise BadInput("command line", option, value, "each once")


def in_order(jobs: Sequence[Job], store: Store) -> list[dict[str, Any]]:
    """Return the rows of the jobs that are done, in the order of the jobs.

    Two jobs may be one run: a venue under its own policy, and under that policy by name. What
    tells them apart is what was asked for, so that is taken from the job.
    """
    found = {row["key"]: row for row in store.rows({job.key for job in jobs})}
    return [
        {**found[job.key], **{f"knob_{name}": value for name, value in job.values.items()}}
        for job in jobs
        if job.key in found
    ]


def write(rows: Sequence[dict[str, Any]], path: Path) -> None:
    """Write a row a run, in one step."""
    part = path.with_name(f".{path.name}.part")
    pq.write_table(pa.Table.from_pylist(list(rows), SCHEMA), part)
    part.replace(path)
