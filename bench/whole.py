"""Work C on one engine: a whole run, with the time inside the engine told apart.

`python -m bench.whole ENGINE` prints one line of JSON.
"""

from __future__ import annotations

import json
import sys
import time
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from spillway import crash, engines, presets, scenario
from spillway.build import build_all

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from spillway.engines import Engine

TIMED = ("mine", "call", "storage_at", "snapshot", "revert", "nonce", "balance")


@dataclass(frozen=True, slots=True)
class Whole:
    """What a run took.

    Attributes:
        seconds: Of the run, from the first deployment to the digest.
        backend: Seconds of these inside the engine's backend, EVM and bindings together.
        first: Seconds from the start of the command to the first mined transaction.
        transactions: That the run's blocks hold.
        digest: Of the state at the end.
    """

    seconds: float
    backend: float
    first: float
    transactions: int
    digest: str


class Clock:
    """Adds up the time inside a backend; what it calls of itself counts once."""

    def __init__(self, engine: Engine) -> None:
        self.seconds, self.first, self._depth = 0.0, 0.0, 0
        backend: Any = engine.backend
        for name in TIMED:
            setattr(backend, name, self._timed(getattr(backend, name)))
        backend.rehearse = self._timed_context(backend.rehearse)

    def _timed_context(self, method: Callable[..., Any]) -> Callable[..., Any]:
        @contextmanager
        def timed(*args: Any) -> Iterator[Any]:
            context = method(*args)
            outcomes = self._timed(context.__enter__)()
            try:
                yield outcomes
            finally:
                self._timed(context.__exit__)(None, None, None)

        return timed

    def _timed(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*args: Any) -> Any:
            began, self._depth = time.perf_counter(), self._depth + 1
            try:
                return method(*args)
            finally:
                self._depth -= 1
                if not self._depth:
                    self.seconds += time.perf_counter() - began
                self.first = self.first or time.time()

        return timed


def run(name: str, since: float, told: str = "oct10_btc", blocks: int | None = None) -> Whole:
    """Run a scenario on the engine `name`, for no more than `blocks` blocks."""
    loaded, preset = scenario.load(scenario.find(told)), presets.load(presets.find("hyperliquid"))
    with engines.start(name, crash.genesis(loaded, preset)) as engine:
        artifacts, clock = build_all(), Clock(engine)
        began = time.perf_counter()
        done = crash.run(engine, artifacts, loaded, preset, lambda run: len(run.blocks) != blocks)
        seconds = time.perf_counter() - began
    transactions = sum(len(block.receipts) for block in done.blocks)
    first = clock.first - since
    return Whole(seconds, clock.seconds, first, transactions, done.state_digest)


if __name__ == "__main__":
    started = float(sys.argv[2]) if len(sys.argv) > 2 else time.time()
    sys.stdout.write(json.dumps(asdict(run(sys.argv[1], started))) + "\n")
