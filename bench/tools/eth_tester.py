"""eth-tester on py-evm: each call is signed, sent and mined in a block of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from eth_tester import EthereumTester, PyEVMBackend

from bench.tool import BALANCE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.work import Step, Work


class EthTester:
    """Blocks are stamped with the time of the clock."""

    def __init__(self, work: Work, _: str) -> None:
        params = PyEVMBackend.generate_genesis_params({"gas_limit": 30_000_000})
        funded = {"balance": BALANCE, "nonce": 0, "code": b"", "storage": {}}
        state = {bytes.fromhex(address[2:]): funded for address in work.keys}
        self._tester: Any = EthereumTester(PyEVMBackend(params, state))
        for key in work.keys.values():
            self._tester.add_account("0x" + key)
        for step in work.setup:
            self._send(step)
        self._work = work

    def run(self) -> Sequence[int] | None:
        return [self._send(step) for step in self._work.calls]

    def read(self, to: str, data: str) -> bytes | None:
        anyone = self._work.calls[0].sender
        call = {"from": anyone, "to": to, "data": "0x" + data, "gas": 10**7}
        return bytes.fromhex(self._tester.call(call)[2:])

    def close(self) -> None:
        pass

    def _send(self, step: Step) -> int:
        transaction = {
            "from": step.sender,
            "data": "0x" + step.data,
            "gas": step.gas,
            "max_fee_per_gas": 10**10,
            "max_priority_fee_per_gas": 0,
        }
        if step.to:
            transaction["to"] = step.to
        done = self._tester.send_transaction(transaction)
        return int(self._tester.get_transaction_receipt(done)["gas_used"])


TOOL = EthTester
