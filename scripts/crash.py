"""`ape run crash SCENARIO`: put a venue through a crash and say what became of it.

Ape executes every script twice to find its command, so whatever is heavy is imported when it runs.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click


@click.command()
@click.argument("scenario")
@click.option("--venue", default="hyperliquid", show_default=True, help="Preset, or a .toml file.")
@click.option("--engine", default="ape", show_default=True, help="ape, pyevm or revm.")
@click.option("--seed", type=click.IntRange(min=0), help="Instead of the scenario's own.")
@click.option("--traders", type=click.IntRange(min=1), help="Drawn, instead of the scenario's own.")
@click.option("--out", type=click.Path(path_type=Path), help="Folder of the run.")
@click.option("--data", type=click.Path(path_type=Path), help="Folder of oct10_real's tables.")
@click.option("--policies", default="", help="Of oct10_real: a,b,...; all if none is named.")
@click.option("--without", default="", help="Events left out: sorts a,b,... or levers.")
@click.option("--network", default="", help="For engine ape: its own chain, or a node of anvil.")
def cli(**options: Any) -> None:
    """Run SCENARIO (a name under scenarios/, or a file) and write what happened.

    Exit code 0: solvent at every block; 1: an invariant broke; 2: bad input; 3: an unexpected
    error; 130: interrupted.
    """
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    from spillway.command import Options, crash
    from spillway.exits import leave

    leave("crash", lambda: crash(Options(**options)))
