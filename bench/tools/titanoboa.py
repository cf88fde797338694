"""titanoboa: calls through the handle on a contract that its ABI makes, as its users write them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import boa

from bench.tool import BALANCE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.work import Work


class Titanoboa:
    """An environment; its messages are not transactions, and tell no gas of one."""

    def __init__(self, work: Work, variant: str) -> None:
        self._env: Any = boa.Env(fast_mode_enabled=variant == "fast mode")
        boa.set_env(self._env)
        for address in work.keys:
            self._env.set_balance(boa.util.abi.Address(address), BALANCE)
        for step in work.setup:
            self._env.timestamp = step.timestamp
            if step.to:
                self._env.raw_call(step.to, sender=step.sender, gas=step.gas, data=step.raw)
            else:
                self._env.deploy_code(
                    sender=step.sender, bytecode=step.raw, override_address=step.address
                )
        self._work = work
        self._handles = {
            step.to: boa.loads_abi(json.dumps(work.abis[step.contract]), name=step.contract).at(
                step.to
            )
            for step in {step.to: step for step in work.calls}.values()
        }

    def run(self) -> Sequence[int] | None:
        for step in self._work.calls:
            if self._env.timestamp != step.timestamp:
                self._env.timestamp = step.timestamp
            method = getattr(self._handles[step.to], step.function)
            method(*step.args, sender=step.sender, gas=step.gas)
        return None

    def read(self, to: str, data: str) -> bytes:
        return bytes(self._env.raw_call(to, data=bytes.fromhex(data)).output)

    def close(self) -> None:
        pass


TOOL = Titanoboa
