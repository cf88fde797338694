"""anvil behind JSON-RPC: transactions in batches, a block of them mined, receipts in batches."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.tool import BALANCE, NotInstalled
from bench.work import blocks
from spillway.engines import anvil
from spillway.engines.rpc import Node

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.work import Step, Work

OPTIONS = [
    *("--no-mining", "--auto-impersonate", "--order", "fifo", "--hardfork", "prague"),
    *("--base-fee", "0", "--gas-price", "0", "--gas-limit", "300000000"),
]


class Anvil:
    """A process of its own; senders are impersonated, so that nothing is signed."""

    def __init__(self, work: Work, _: str) -> None:
        if anvil.binary() is None:
            raise NotInstalled("no anvil, neither from npm nor on PATH")
        self._process = anvil.Anvil([*OPTIONS, "--timestamp", str(work.timestamp)])
        self._node = Node(self._process.uri)
        for address in work.keys:
            self._node.ask("anvil_setBalance", address, hex(BALANCE))
        for block in blocks(work.setup):
            self._mine(block)
        self._blocks = blocks(work.calls)

    def run(self) -> Sequence[int] | None:
        return [used for block in self._blocks for used in self._mine(block)]

    def read(self, to: str, data: str) -> bytes | None:
        answer = self._node.ask("eth_call", {"to": to, "data": "0x" + data}, "latest")
        return bytes.fromhex(answer[2:])

    def close(self) -> None:
        self._node.close()
        self._process.close()

    def _mine(self, block: Sequence[Step]) -> list[int]:
        sent = self._node.ask_all([("eth_sendTransaction", [_transaction(s)]) for s in block])
        self._node.ask("evm_mine", {"timestamp": block[0].timestamp})
        receipts = self._node.ask_all([("eth_getTransactionReceipt", [each]) for each in sent])
        return [int(receipt["gasUsed"], 16) for receipt in receipts]


def _transaction(step: Step) -> dict[str, str]:
    told = {"from": step.sender, "data": "0x" + step.data, "gas": hex(step.gas), "gasPrice": "0x0"}
    return told | {"to": step.to} if step.to else told


TOOL = Anvil
