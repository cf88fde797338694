"""Our engines: the variant is an engine's name, and "encoded" where call data is at hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.work import blocks
from spillway import engines
from spillway.build import build_all
from spillway.engines import Call, Genesis

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bench.work import Step, Work


class Spillway:
    """An engine, with blocks as recorded."""

    def __init__(self, work: Work, variant: str) -> None:
        name, _, self._variant = variant.partition(" ")
        genesis = Genesis(timestamp=work.timestamp, senders=len(work.keys))
        self._engine = engines.start(name, genesis)
        for block in blocks(work.setup):
            self._engine.send_block([_call(step) for step in block], block[0].timestamp)
        self._work = work
        if self._variant != "encoded":
            artifacts = build_all()
            self._contracts = {
                step.to: self._engine.attach(artifacts[step.contract], step.to)
                for step in work.calls
                if step.to
            }
        self._blocks = [(block[0].timestamp, block) for block in blocks(work.calls)]
        self._encoded = [[_call(step) for step in block] for _, block in self._blocks]

    def run(self) -> Sequence[int] | None:
        used: list[int] = []
        for timestamp, calls in self._calls():
            result = self._engine.send_block(calls, timestamp)
            used += [receipt.gas_used for receipt in result.receipts]
        return used

    def read(self, to: str, data: str) -> bytes:
        call = Call(self._engine.sender(0), to, bytes.fromhex(data))
        return bytes(self._engine.read(call))

    def close(self) -> None:
        self._engine.__exit__()

    def _calls(self) -> Iterator[tuple[int, Sequence[Call]]]:
        if self._variant == "encoded":
            for (timestamp, _), calls in zip(self._blocks, self._encoded, strict=True):
                yield timestamp, calls
            return
        for timestamp, steps in self._blocks:
            yield timestamp, [self._built(step) for step in steps]

    def _built(self, step: Step) -> Call:
        contract = self._contracts[step.to or ""]
        build = getattr(contract.build, step.function)
        made: Call = build(*step.args, sender=step.sender, gas=step.gas)
        return made


def _call(step: Step) -> Call:
    return Call(step.sender, step.to, step.raw, step.gas)


TOOL = Spillway
