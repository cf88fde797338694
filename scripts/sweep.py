"""`ape run sweep SCENARIO --over ...`: many runs of one scenario, on as many processes as you like.

Ape executes every script twice to find its command, so whatever is heavy is imported when it runs.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import click


@click.command()
@click.argument("scenario")
@click.option(
    "--over",
    multiple=True,
    help="knob=value,value,knob=a:b ...: venue, policy, at_risk, depth, vault, traders, lag, seed.",
)
@click.option("--venue", default="hyperliquid", show_default=True, help="Preset, or a .toml file.")
@click.option("--engine", default="pyevm", show_default=True, help="As of `ape run crash`.")
@click.option("--out", type=click.Path(path_type=Path), help="Folder of the results.")
@click.option("--workers", type=click.IntRange(min=1), help="Processes; one a core if not told.")
@click.option("--scheduler", default="", help="Address of a Dask scheduler, instead of processes.")
@click.option("--adaptive", default="", help="knob=low:high: bisect to an edge.")
@click.option("--edge", type=click.Choice(["adl", "insolvency"]), default="adl", show_default=True)
@click.option("--within", default="0.01", show_default=True, help="Width of the edge's bracket.")
def cli(scheduler: str, workers: int | None, **options: Any) -> None:
    """Run SCENARIO on a grid of settings and write a row for each run; what is done is kept.

    Exit code 0: every run solvent at every block; 1: an invariant broke in one; 2: bad input;
    3: a run failed, or an unexpected error; 130: interrupted.
    """
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    from spillway.exits import leave
    from spillway.sweep.command import Options, sweep
    from spillway.sweep.runner import Cluster

    options["out"] = options["out"] or Path("sweeps") / Path(options["scenario"]).stem
    cluster = Cluster(scheduler, workers or os.cpu_count() or 1)
    leave("sweep", lambda: sweep(Options(cluster=cluster, **options)))
