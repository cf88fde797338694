"""simular-evm: calls by the function's name, with arguments that it turns into strings."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import simular

from bench.tool import BALANCE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.work import Step, Work


class Simular:
    """All in one block, since the time of the next one can't be chosen."""

    def __init__(self, work: Work, _: str) -> None:
        self._evm: Any = simular.PyEvm()
        for address in work.keys:
            simular.create_account(self._evm, address, BALANCE)
        self._handles: dict[str | None, Any] = {}
        self._work = work
        for step in work.setup:
            if step.to:
                self._send(step)
            else:
                self._deploy(step)

    def run(self) -> Sequence[int] | None:
        return [self._send(step) for step in self._work.calls]

    def read(self, _: str, __: str) -> bytes | None:
        return None

    def close(self) -> None:
        pass

    def _deploy(self, step: Step) -> None:
        bare = simular.contract_from_abi_bytecode(self._evm, "[]", step.raw)
        address = bare.deploy(caller=step.sender)
        if address.lower() != step.address:
            raise RuntimeError(f"deployed at {address}, not at {step.address}")

    def _send(self, step: Step) -> int:
        handle = self._handles.get(step.to)
        if handle is None:
            abi = json.dumps(self._work.abis[step.contract])
            handle = simular.contract_from_abi_bytecode(self._evm, abi, None).at(step.to)
            self._handles[step.to] = handle
        done = getattr(handle, step.function).transact(*step.args, caller=step.sender)
        return int(done.gas_used)


TOOL = Simular
