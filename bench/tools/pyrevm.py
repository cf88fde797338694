"""pyrevm in a bare loop over encoded calls: one message after the other, in one long block."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyrevm

from bench.tool import BALANCE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.work import Work


class PyRevm:
    """Slots stay warm from one message to the next, so the gas is not a transaction's."""

    def __init__(self, work: Work, _: str) -> None:
        block = pyrevm.BlockEnv(number=1, timestamp=work.setup[-1].timestamp, basefee=0)
        self._evm: Any = pyrevm.EVM(pyrevm.Env(block=block), gas_limit=2**40, spec_id="CANCUN")
        for address in work.keys:
            self._evm.set_balance(address, BALANCE)
        for step in work.setup:
            if step.to:
                self._evm.message_call(step.sender, step.to, calldata=step.raw, gas=step.gas)
            else:
                address = self._evm.deploy(step.sender, step.raw, gas=step.gas)
                if address.lower() != step.address:
                    raise RuntimeError(f"deployed at {address}, not at {step.address}")
        self._calls = [(step.sender, step.to, step.raw, 0, step.gas) for step in work.calls]
        self._anyone = work.calls[0].sender

    def run(self) -> Sequence[int] | None:
        used = []
        for call in self._calls:
            self._evm.message_call(*call)
            used.append(self._evm.result.gas_used)
        return used

    def read(self, to: str, data: str) -> bytes:
        return bytes(self._evm.message_call(self._anyone, to, calldata=bytes.fromhex(data)))

    def close(self) -> None:
        pass


TOOL = PyRevm
