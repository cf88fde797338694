"""anvil behind JSON-RPC: a batch of transactions a request, mined as one block, receipts batched.

The binary is looked for in the environment's own npm folder, then on PATH.
"""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import time
from http.client import HTTPConnection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.tool import BALANCE, NotInstalled
from bench.work import blocks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.work import Step, Work

STARTED_WITHIN = 20  # seconds


class Anvil:
    """A process of its own; senders are impersonated, so that nothing is signed."""

    def __init__(self, work: Work, _: str) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        options = ["--silent", "--no-mining", "--auto-impersonate", "--order", "fifo"]
        options += ["--hardfork", "prague", "--base-fee", "0", "--gas-price", "0"]
        options += ["--gas-limit", "300000000", "--timestamp", str(work.timestamp)]
        options += ["--port", str(port), "--host", "127.0.0.1"]
        self._process = subprocess.Popen([_binary(), *options])  # noqa: S603 (found as told above)
        self._connection = _connected(port)
        funded = [("anvil_setBalance", [address, hex(BALANCE)]) for address in work.keys]
        self._ask(funded)
        for block in blocks(work.setup):
            self._mine(block)
        self._blocks = blocks(work.calls)

    def run(self) -> Sequence[int] | None:
        return [used for block in self._blocks for used in self._mine(block)]

    def read(self, to: str, data: str) -> bytes | None:
        (answer,) = self._ask([("eth_call", [{"to": to, "data": "0x" + data}, "latest"])])
        return bytes.fromhex(answer[2:])

    def close(self) -> None:
        self._connection.close()
        self._process.terminate()
        self._process.wait()

    def _mine(self, block: Sequence[Step]) -> list[int]:
        sent = self._ask([("eth_sendTransaction", [_transaction(step)]) for step in block])
        self._ask([("evm_setNextBlockTimestamp", [block[0].timestamp]), ("evm_mine", [])])
        receipts = self._ask([("eth_getTransactionReceipt", [each]) for each in sent])
        return [int(receipt["gasUsed"], 16) for receipt in receipts]

    def _ask(self, requests: Sequence[tuple[str, list[Any]]]) -> list[Any]:
        batch = [
            {"jsonrpc": "2.0", "id": index, "method": method, "params": params}
            for index, (method, params) in enumerate(requests)
        ]
        headers = {"Content-Type": "application/json"}
        self._connection.request("POST", "/", json.dumps(batch), headers)
        answers = json.loads(self._connection.getresponse().read())
        for answer in answers:
            if "error" in answer:
                raise RuntimeError(f"anvil: {answer['error']}")
        return [a["result"] for a in sorted(answers, key=lambda answer: int(answer["id"]))]


def _transaction(step: Step) -> dict[str, str]:
    told = {"from": step.sender, "data": "0x" + step.data, "gas": hex(step.gas), "gasPrice": "0x0"}
    return told | {"to": step.to} if step.to else told


def _binary() -> str:
    packages = Path(sys.prefix) / "node_modules" / "@foundry-rs"
    found = [str(path) for path in packages.glob("anvil-*/bin/anvil")]
    binary = found[0] if found else shutil.which("anvil")
    if binary is None:
        raise NotInstalled("no anvil, neither from npm nor on PATH")
    return binary


def _connected(port: int) -> HTTPConnection:
    until = time.monotonic() + STARTED_WITHIN
    while True:
        connection = HTTPConnection("127.0.0.1", port)
        try:
            connection.connect()
        except ConnectionRefusedError:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)
        else:
            return connection


TOOL = Anvil
