"""What `ape run crash` does once its options are read: check, run, show, write."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from spillway import crash as crashes
from spillway import (
    engines,
    presets,
    real_command,
    real_story,
    record,
    scenario,
    timeline,
    waterfall_table,
)
from spillway.build import build_all
from spillway.errors import BadInput
from spillway.units import price_to_usd

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from spillway.crash import Run

SOLVENT, BROKEN, INTERRUPTED = 0, 1, 130
LINES = 20  # of progress where there is no terminal


@dataclass(frozen=True, slots=True)
class Options:
    """The command line; `seed`, `traders` and `out` are None where the scenario is to say.

    `data` and `policies` are of replays alone: the folder of their tables, and the policies that
    they are played under, separated by commas; all that there are if none is named.
    """

    scenario: str
    venue: str = "hyperliquid"
    engine: str = "ape"
    seed: int | None = None
    traders: int | None = None
    out: Path | None = None
    network: str = ""
    data: Path | None = None
    policies: str = ""
    without: str = ""


def crash(options: Options, console: Console | None = None) -> int:
    """Run a scenario and write its folder; give the exit code.

    Raises BadInput, before anything is written, for options and files that are not allowed.
    """
    console = console or Console(highlight=False)
    if options.scenario in real_story.names():
        return real_command.replay_all(options, console)
    if options.data is not None or options.policies:
        option, value = (
            ("--data", options.data) if options.data else ("--policies", options.policies)
        )
        allowed = f"nothing with this scenario; a value with {', '.join(real_story.names())}"
        raise BadInput("command line", option, str(value), allowed)
    told = scenario.load(scenario.find(options.scenario), options.seed)
    told = timeline.without(told, options.without)
    if options.traders is not None:
        told = scenario.grown(told, options.traders)
    preset = presets.load(presets.find(options.venue))
    if options.engine not in engines.NAMES:
        raise BadInput("command line", "--engine", options.engine, " or ".join(engines.NAMES))
    folder = options.out or record.default_folder(told.name, preset.name, told.seed)
    record.check_folder(folder)
    chain = engines.start(options.engine, crashes.genesis(told, preset), options.network)
    with chain, _interrupts() as stopped, _progress(console, told.clock.blocks) as show:

        def watch(run: Run) -> bool:
            show(run)
            return not stopped()

        run = crashes.run(chain, build_all(), told, preset, watch)
    summary = record.write(run, folder)
    console.print(waterfall_table.render(run, summary))
    console.print(f"written to {folder}", soft_wrap=True)
    if run.findings:
        return BROKEN
    return INTERRUPTED if run.interrupted else SOLVENT


@contextmanager
def _interrupts() -> Iterator[Callable[[], bool]]:
    """Turn the first Ctrl-C into an answer of yes; the second one interrupts as ever."""
    seen: list[int] = []

    def note(number: int, _: object) -> None:
        seen.append(number)
        signal.signal(signal.SIGINT, before)

    before = signal.signal(signal.SIGINT, note)
    try:
        yield lambda: bool(seen)
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def _progress(console: Console, blocks: int) -> Iterator[Callable[[Run], None]]:
    """Show a bar on a terminal, plain lines elsewhere."""
    if not console.is_terminal:
        yield lambda run: _line(console, run, blocks)
        return
    columns = (BarColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("setting the stage", total=blocks)
        yield lambda run: progress.update(task, completed=len(run.blocks), description=_status(run))


def _line(console: Console, run: Run, blocks: int) -> None:
    done = len(run.blocks)
    if done == blocks or done % max(blocks // LINES, 1) == 0:
        console.print(f"block {done:>{len(str(blocks))}} of {blocks}  {_status(run)}")


def _status(run: Run) -> str:
    """Say where a run is: time, price of the first market, and how often each layer has acted."""
    block, market = run.blocks[-1], run.scenario.markets[0]
    clock = datetime.fromtimestamp(block.timestamp, UTC).strftime("%H:%M:%S")
    mark = price_to_usd(block.markets[0].mark, market.size_decimals)
    counts = {name: layer.count for name, layer in run.tally.layers.items() if layer.count}
    acted = ", ".join(f"{name} {count}" for name, count in counts.items()) or "calm"
    price = f"{mark:,.1f}" if mark >= 1 else f"{mark:.6f}"
    return f"{clock}  {market.symbol} {price}  {acted}"
