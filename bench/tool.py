"""How a tool is measured: a fresh chain for each run, timed over the calls alone, then checked.

Run as `python -m bench.tool MODULE WORK --calls N --runs N --since T` in the environment that has
the tool; prints one line of JSON. Only the standard library is imported here.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from bench import work as works

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.work import Work

# As our engines have it: of the libraries that eth-hash can use, far from the slowest.
os.environ.setdefault("ETH_HASH_BACKEND", "pysha3")

BALANCE = 10**24  # wei of each sender


class Tool(Protocol):
    """A chain of one tool. A module of bench.tools names its class `TOOL`.

    The constructor takes the Work and the variant, and deploys; what it does is not timed.
    """

    def __init__(self, work: Work, variant: str) -> None: ...

    def run(self) -> Sequence[int] | None:
        """Do the calls of the work; the gas of each where the tool tells it for transactions."""

    def read(self, to: str, data: str) -> bytes | None:
        """What a read returns; None where the tool decodes whatever it reads."""

    def close(self) -> None:
        """Let go of processes and connections."""


class NotInstalled(Exception):
    """The tool is not on this machine; says why."""


@dataclass(frozen=True, slots=True)
class Timing:
    """What became of measuring a tool.

    Attributes:
        seconds: Of each run; none where it was not measured.
        calls: In each run.
        gas: "equal" to Ethereum's for every call, "differs", or "not told".
        first: Seconds from the start of the command to the first transaction.
        reason: Why it was not measured; "" where it was.
    """

    seconds: tuple[float, ...] = ()
    calls: int = 0
    gas: str = "not told"
    first: float = 0.0
    reason: str = ""


def measure(tool: type[Tool], work: Work, variant: str, runs: int, since: float) -> Timing:
    """Time `runs` runs of all calls of `work`; raises RuntimeError where one went wrong."""
    seconds, gas, first = [], "not told", 0.0
    for _ in range(runs):
        chain = tool(work, variant)
        first = first or time.time() - since
        began = time.perf_counter()
        used = chain.run()
        seconds.append(time.perf_counter() - began)
        to, data, answers = work.check
        answer = chain.read(to, data)
        chain.close()
        if used is not None:
            gas = "equal" if tuple(used) == work.gas else "differs"
        if answer is None and gas != "equal":
            raise RuntimeError("neither a read nor the gas shows that the calls were done")
        if answer is not None and answer.hex() != answers[-1]:
            raise RuntimeError(f"after the calls, {to} answers {answer.hex()}, not {answers[-1]}")
    return Timing(tuple(seconds), len(work.calls), gas, first)


def main() -> None:
    """Measure one tool as the command line says."""
    parser = argparse.ArgumentParser()
    parser.add_argument("module")
    parser.add_argument("work", type=Path)
    parser.add_argument("--variant", default="")
    parser.add_argument("--calls", type=int)
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--since", type=float, default=time.time())
    told = parser.parse_args()
    try:
        tool = importlib.import_module(f"bench.tools.{told.module}").TOOL
        work = works.load(told.work)
        work = work.first(told.calls or len(work.calls))
        timing = measure(tool, work, told.variant, told.runs, told.since)
    except (ImportError, NotInstalled) as error:
        timing = Timing(reason=f"not installed: {error}")
    sys.stdout.write(json.dumps(asdict(timing)) + "\n")


if __name__ == "__main__":
    main()
