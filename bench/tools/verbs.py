"""verbs: transactions executed one by one from encoded calls, or submitted and run by the block."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from verbs import abi as abis
from verbs.envs import EmptyEnvGasPriority

from bench.tool import BALANCE
from bench.work import blocks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.work import Work


class Verbs:
    """A block of its own always adds 15 s to the time, which starts where verbs says."""

    def __init__(self, work: Work, variant: str) -> None:
        self._env: Any = EmptyEnvGasPriority(1)
        self._variant = variant
        for address in work.keys:
            self._env.create_account(_bytes(address), BALANCE)
        for step in work.setup:
            self._env.process_block()
            if step.to:
                self._env.execute(_bytes(step.sender), _bytes(step.to), step.raw, 0)
                continue
            address = self._env.deploy_contract(_bytes(step.sender), "", step.raw)
            if bytes(address) != _bytes(step.address):
                raise RuntimeError(f"deployed at {bytes(address).hex()}, not at {step.address}")
        self._work = work
        self._abis = {
            step.to: abis.get_abi(step.contract, work.abis[step.contract])
            for step in {step.to: step for step in work.calls}.values()
        }
        self._encoded = [(_bytes(s.sender), _bytes(s.to or ""), s.raw, 0) for s in work.calls]

    def run(self) -> Sequence[int] | None:
        if self._variant == "agents":
            self._by_agents()
            return None
        return [self._env.execute(*call)[2] for call in self._encoded]

    def read(self, to: str, data: str) -> bytes:
        sender = self._encoded[0][0]
        return bytes(self._env.call(sender, _bytes(to), bytes.fromhex(data), 0)[0])

    def close(self) -> None:
        pass

    def _by_agents(self) -> None:
        """What a loop of agents costs: encode, submit a list a block, have it processed."""
        for block in blocks(self._work.calls):
            submitted = []
            for step in block:
                sender, to = _bytes(step.sender), _bytes(step.to or "")
                function = getattr(self._abis[step.to], step.function)
                submitted.append(function.transaction(sender, to, step.args))
            self._env.submit_transactions(submitted)
            self._env.process_block()


def _bytes(address: str) -> bytes:
    return bytes.fromhex(address.removeprefix("0x"))


TOOL = Verbs
