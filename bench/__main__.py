"""`python -m bench`: record the works, measure each tool, print the tables, write bench.json."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import time
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from bench import record, tables
from bench.rows import ROWS, Row
from bench.tool import Timing
from bench.whole import Whole
from spillway.build import ROOT

if TYPE_CHECKING:
    from collections.abc import Sequence

FOLDER = ROOT / "runs" / "bench"
LIMIT = 600  # seconds for one tool and work
WIDTH = 120  # columns at least: the tables have nine
WHOLE_RUNS = {"ape": 1, "pyevm": 1, "revm": 5}


def main() -> None:
    """Measure everything; a tool that is not here is a row with its reason."""
    console = Console(highlight=False, width=max(Console().width, WIDTH))
    FOLDER.mkdir(parents=True, exist_ok=True)
    machine = _machine()
    works = {"A": record.transfers(), "B": record.fills()}
    for name, work in works.items():
        work.save(FOLDER / f"{name}.json")
    timings: dict[str, dict[str, Timing]] = {}
    for row in ROWS:
        for name in row.runs:
            timings.setdefault(name, {})[row.key] = timing = _measure(row, name)
            console.print(f"{name}  {row.label}  {timing.reason or tables.rate(timing)}")
    whole = {name: _whole(name, runs) for name, runs in WHOLE_RUNS.items()}
    machine["load after"] = _load()
    for name, work in works.items():
        console.print(tables.speeds(f"Work {name}: {work.title}", ROWS, timings[name]))
    console.print(tables.whole("Work C: the whole of oct10_btc", whole))
    console.print(tables.goals(timings, whole))
    for what, value in machine.items():
        console.print(f"{what}: {value}")
    told = {
        "machine": machine,
        "works": {
            name: {key: asdict(timing) for key, timing in by_row.items()}
            for name, by_row in timings.items()
        },
        "whole": {name: asdict(run) if run else None for name, run in whole.items()},
    }
    (FOLDER / "bench.json").write_text(json.dumps(told, indent=1))
    console.print(f"written to {(FOLDER / 'bench.json').relative_to(ROOT)}")


def _measure(row: Row, name: str) -> Timing:
    calls, runs = row.runs[name]
    arguments = [row.module, str(FOLDER / f"{name}.json"), "--variant", row.variant]
    arguments += ["--calls", str(calls), "--runs", str(runs), "--since", str(time.time())]
    told, reason = _tell(row.home, ["bench.tool", *arguments])
    return Timing(**told) if told else Timing(reason=reason)


def _whole(name: str, runs: int) -> Whole | None:
    """The median run; None where the engine is not installed."""
    done = [_tell(".venv", ["bench.whole", name, str(time.time())])[0] for _ in range(runs)]
    measured = sorted((Whole(**told) for told in done if told), key=lambda run: run.seconds)
    return measured[len(measured) // 2] if measured else None


def _tell(home: str, arguments: Sequence[str]) -> tuple[dict[str, Any], str]:
    """Run a module of ours in an environment; the JSON that it prints last, or why it has none."""
    python = ROOT / home / "bin" / "python"
    if not python.exists():
        return {}, f"no {home}"
    environment = os.environ | {"RUST_BACKTRACE": "0"}
    try:
        done = subprocess.run(  # noqa: S603 (our own module)
            [str(python), "-m", *arguments],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=LIMIT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return {}, f"more than {LIMIT} s"
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        return {}, f"failed: {lines[-1][:120] if lines else done.returncode}"
    return json.loads(done.stdout.splitlines()[-1]), ""


def _machine() -> dict[str, str]:
    model = "unknown"
    if (cpu := Path("/proc/cpuinfo")).exists():
        names = [line for line in cpu.read_text().splitlines() if line.startswith("model name")]
        model = names[0].partition(":")[2].strip() if names else model
    return {
        "CPU": f"{model}, {os.cpu_count()} cores",
        "system": platform.platform(terse=True),
        "Python": platform.python_version(),
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "load before": _load(),
    }


def _load() -> str:
    return " ".join(f"{each:.1f}" for each in os.getloadavg())


if __name__ == "__main__":
    main()
