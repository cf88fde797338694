"""Wake's binding of revm, the one under engine `revm`, in a bare loop over encoded calls.

The variant "gas and logs" also reads what a receipt needs; without it nothing is read.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from bench.tool import BALANCE
from bench.work import blocks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.work import Step, Work


class Wake:
    """A chain with its blocks as recorded."""

    def __init__(self, work: Work, variant: str) -> None:
        self._wake = _load()
        self._reads = variant == "gas and logs"
        self._chain = self._wake.Chain()
        self._connection = self._chain.connect(accounts=1, chain_id=1337, hardfork="Prague")
        self._connection.__enter__()
        self._chain.automine = False
        self._chain.block_gas_limit = 300_000_000
        for address in work.keys:
            self._account(address).balance = BALANCE
        for block in blocks(work.setup):
            self._chain.set_next_block_timestamp(block[0].timestamp)
            for step in block:
                self._set_up(step)
            self._chain.mine()
        accounts = {a: self._account(a) for s in work.calls for a in (s.sender, s.to) if a}
        self._anyone = accounts[work.calls[0].sender]
        self._blocks = [
            (
                block[0].timestamp,
                [(accounts[s.to or ""].transact, s.raw, accounts[s.sender], s.gas) for s in block],
            )
            for block in blocks(work.calls)
        ]

    def run(self) -> Sequence[int] | None:
        used: list[int] = []
        for timestamp, calls in self._blocks:
            self._chain.set_next_block_timestamp(timestamp)
            for transact, data, sender, gas in calls:
                done = transact(data, 0, sender, gas, 0)
                if self._reads:
                    used.append(done.gas_used)
                    _ = done.raw_events, done.raw_return_value
            self._chain.mine()
        return used if self._reads else None

    def read(self, to: str, data: str) -> bytes | None:
        return bytes(self._account(to).call(bytes.fromhex(data), 0, self._anyone, 10**7))

    def close(self) -> None:
        self._connection.__exit__(None, None, None)

    def _account(self, address: str) -> Any:
        return self._wake.Account(address, self._chain)

    def _set_up(self, step: Step) -> Any:
        sender = self._account(step.sender)
        if step.to:
            return self._account(step.to).transact(step.raw, 0, sender, step.gas, 0)
        return self._chain.deploy(
            step.raw, return_tx=True, from_=sender, value=0, gas_limit=step.gas, gas_price=0
        )


def _load() -> Any:
    """Wake's binding, configured as engine `revm` does it."""
    wake: Any = import_module("wake_rs")
    config: Any = import_module("wake.config")
    settings: Any = import_module("wake.development.globals")
    settings.set_config(config.WakeConfig.fromdict({"testing": {"block_history": None}}))
    return wake


TOOL = Wake
