"""`ape run compare SCENARIO`: one crash under every venue and policy, side by side.

Ape executes every script twice to find its command, so whatever is heavy is imported when it runs.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import click


def _listed(_: click.Context, __: click.Parameter, text: str) -> tuple[str, ...]:
    """Read `a,b,...`."""
    return tuple(part.strip() for part in text.split(",")) if text else ()


@click.command()
@click.argument("scenario")
@click.option(
    "--venues", default="", callback=_listed, help="a,b,...: presets or .toml files; all presets."
)
@click.option(
    "--policies",
    default="",
    callback=_listed,
    help="a,b,...: rank winners by each of these, instead of by the venue's own.",
)
@click.option("--seeds", type=int, default=1, show_default=True, help="Runs of each, a seed each.")
@click.option("--engine", default="pyevm", show_default=True, help="As of `ape run crash`.")
@click.option("--traders", type=click.IntRange(min=1), help="Drawn, instead of the scenario's own.")
@click.option("--out", type=click.Path(path_type=Path), help="Folder of the results.")
@click.option("--workers", type=click.IntRange(min=1), help="Processes; one a core if not told.")
@click.option("--scheduler", default="", help="Address of a Dask scheduler, instead of processes.")
def cli(scheduler: str, workers: int | None, **options: Any) -> None:
    """Run SCENARIO under every venue and policy, with the same traders, prices and book.

    Exit code 0: every run solvent at every block; 1: an invariant broke in one; 2: bad input;
    3: a run failed, or an unexpected error; 130: interrupted.
    """
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    from spillway.compare import Options, compare
    from spillway.exits import leave
    from spillway.sweep.runner import Cluster

    options["out"] = options["out"] or Path("comparisons") / Path(options["scenario"]).stem
    cluster = Cluster(scheduler, workers or os.cpu_count() or 1)
    leave("compare", lambda: compare(Options(cluster=cluster, **options)))
