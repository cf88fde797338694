"""Ape as one uses it: a call on a contract's handle is signed, sent and mined, and gives a receipt.

Its keys are coincurve's, which is installed: without it, signatures take twice the time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ape
from ape.contracts import ContractInstance
from ape_test.accounts import TestAccount
from eth_utils.address import to_checksum_address
from ethpm_types import ContractType

from bench.tool import BALANCE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.work import Step, Work


class PlainApe:
    """Ape's test provider, started anew."""

    def __init__(self, work: Work, _: str) -> None:
        self._connection = ape.networks.parse_network_choice("ethereum:local:test")
        self._provider: Any = self._connection.__enter__()
        self._start = self._provider.snapshot()
        self._accounts = {
            address: TestAccount(index=i, address_str=to_checksum_address(address), private_key=key)
            for i, (address, key) in enumerate(work.keys.items())
        }
        rich = ape.accounts.test_accounts[0]
        for address in sorted({step.sender for step in (*work.setup, *work.calls)}):
            rich.transfer(to_checksum_address(address), BALANCE // 10**4)
        for step in work.setup:
            self._send_raw(step)
        types = {name: ContractType(abi=abi) for name, abi in work.abis.items()}
        self._handles = {
            step.to: ContractInstance(to_checksum_address(step.to), types[step.contract])
            for step in {step.to: step for step in work.calls}.values()
            if step.to
        }
        self._work = work

    def run(self) -> Sequence[int] | None:
        return [self._send(step) for step in self._work.calls]

    def read(self, to: str, data: str) -> bytes | None:
        transaction = self._provider.network.ecosystem.create_transaction(
            receiver=to_checksum_address(to), data=bytes.fromhex(data), gas_limit=10**7
        )
        return bytes(self._provider.send_call(transaction))

    def close(self) -> None:
        self._provider.restore(self._start)
        self._connection.__exit__(None, None, None)

    def _send(self, step: Step) -> int:
        method = getattr(self._handles[step.to or ""], step.function)
        done = method(*step.args, sender=self._accounts[step.sender], gas=step.gas)
        return int(done.gas_used)

    def _send_raw(self, step: Step) -> None:
        account = self._accounts[step.sender]
        options: dict[str, Any] = {"data": step.raw, "gas_limit": step.gas, "type": 2}
        if step.to:
            options["receiver"] = to_checksum_address(step.to)
        transaction = self._provider.network.ecosystem.create_transaction(**options)
        account.call(transaction)


TOOL = PlainApe
