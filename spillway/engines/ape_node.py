"""Engine `ape` on a node of anvil: signed transactions over JSON-RPC, one block per tick.

Ape finds the network, and connects to the node; blocks, senders and their transactions are made
here, as on every engine. A node takes transactions into a pool, out of which it mines by what they
offer: wallet.py has offers fall from call to call, and what was mined is compared with what was
sent. A rehearsal is mined too, and taken back.
"""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from spillway.engines.protocol import (
    CHAIN_ID,
    SENDER_BALANCE,
    Address,
    Call,
    Genesis,
    Head,
    Outcome,
    RawLog,
)
from spillway.engines.wallet import Wallet
from spillway.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from spillway.engines.rpc import Node

HARDFORK = "Prague"
# Of a failed transaction, what its outermost call gave back and why it stopped.
_TOP_CALL = {"tracer": "callTracer", "tracerConfig": {"onlyTopCall": True}}


class ApeNode:
    """The backend of engine `ape` on any network whose node is a new one of anvil."""

    name = "ape"

    def __init__(self, genesis: Genesis, node: Node, leave: Callable[[], None]) -> None:
        """Make a chain of `node`; raises EngineError where it can't be made one.

        `leave` lets go of what stands behind the node.
        """
        self._genesis = genesis
        self._node = node
        self._leave = leave
        self._wallet = Wallet(genesis.senders)
        self._head = Head(0, genesis.timestamp)
        self._snapshots: list[tuple[str, Head]] = []
        self._require_new()
        self.snapshot()
        self._prepare()

    def close(self) -> None:
        """Leave the node as it was found, and let go of it."""
        with suppress(EngineError):  # it may have gone
            self.revert(0)
        self._leave()

    @property
    def head(self) -> Head:
        return self._head

    def mine(self, calls: Sequence[Call], timestamp: int) -> list[Outcome]:
        sent = self._send(calls)
        self._node.ask("evm_mine", {"timestamp": timestamp})
        receipts = self._node.ask("eth_getBlockReceipts", "latest")
        if [receipt["transactionHash"] for receipt in receipts] != sent:
            self._node.ask("anvil_rollback", 1)
            self._node.ask("anvil_dropAllTransactions")
            raise EngineError("a call can't stand in a block: the node left it out")
        self._head = Head(self._head.number + 1, timestamp)
        return self._outcomes(receipts)

    @contextmanager
    def rehearse(self, calls: Sequence[Call], timestamp: int) -> Iterator[list[Outcome]]:
        before = self.snapshot()
        limit = self._genesis.gas_limit
        declared = sum(call.gas for call in calls)
        # Calls that would fill several blocks have to fit into this one.
        if declared > limit:
            self._node.ask("evm_setBlockGasLimit", hex(declared))
        try:
            yield self.mine(calls, timestamp)
        finally:
            self.revert(before)
            if declared > limit:
                self._node.ask("evm_setBlockGasLimit", hex(limit))

    def call(self, call: Call) -> Outcome:
        """Run `call` on the head's state; the gas that it takes is not told."""
        if call.to is None:
            raise ValueError("a deployment can't be read")
        told = {"from": call.sender, "to": call.to, "data": "0x" + call.data.hex()}
        told |= {"gas": hex(call.gas), "value": hex(call.value)}
        (answer,) = self._node.answers([("eth_call", [told, "latest"])])
        if "result" in answer:
            return Outcome(True, 0, _bytes(answer["result"]))
        error = answer["error"]
        if "data" in error:
            return Outcome(False, 0, _bytes(error["data"]))
        kind = error["message"].removeprefix("EVM error ")
        if kind == error["message"]:
            raise EngineError(f"{call.label}: {kind}")
        return Outcome(False, 0, b"", _halt(kind))

    def sender(self, index: int) -> Address:
        return self._wallet.sender(index)

    def nonce(self, address: Address) -> int:
        return self._number("eth_getTransactionCount", address, "latest")

    def balance(self, address: Address) -> int:
        return self._number("eth_getBalance", address, "latest")

    def code_size(self, address: Address) -> int:
        return len(_bytes(self._node.ask("eth_getCode", address, "latest")))

    def storage_at(self, address: Address, slot: int) -> int:
        return self._number("eth_getStorageAt", address, hex(slot), "latest")

    def snapshot(self) -> int:
        self._snapshots.append((self._node.ask("evm_snapshot"), self._head))
        return len(self._snapshots) - 1

    def revert(self, token: int) -> None:
        before, self._head = self._snapshots[token]
        del self._snapshots[token:]
        self._node.ask("evm_revert", before)

    def _require_new(self) -> None:
        """Raise EngineError unless the node is one of anvil, new, and of the right rules."""
        info = self._node.ask("anvil_nodeInfo")
        if info["hardFork"] != HARDFORK:
            raise EngineError(f"the node has the rules of {info['hardFork']}")
        block = self._node.ask("eth_getBlockByNumber", "latest", False)
        if int(block["number"], 16):
            raise EngineError(f"the node has mined {int(block['number'], 16)} blocks")
        if int(block["timestamp"], 16) > self._genesis.timestamp:
            raise EngineError("the node's block 0 is later than that of the scenario")

    def _prepare(self) -> None:
        """Give the node our chain id, limits and senders. The base fee stays where it is set."""
        self._node.ask_all(
            [
                ("evm_setAutomine", [False]),
                ("anvil_setChainId", [CHAIN_ID]),
                ("evm_setBlockGasLimit", [hex(self._genesis.gas_limit)]),
                ("anvil_setNextBlockBaseFeePerGas", ["0x0"]),
                *(
                    ("anvil_setBalance", [address, hex(SENDER_BALANCE)])
                    for address in self._wallet.addresses
                ),
            ]
        )

    def _send(self, calls: Sequence[Call]) -> list[str]:
        """Sign `calls` and hand them to the node; give their hashes."""
        senders = list({call.sender: None for call in calls})
        counts = self._node.ask_all(
            [("eth_getTransactionCount", [sender, "latest"]) for sender in senders]
        )
        nonces = {sender: int(count, 16) for sender, count in zip(senders, counts, strict=True)}
        signed = [
            unsigned.as_signed_transaction(key).encode()
            for unsigned, key in self._wallet.transactions(calls, nonces.__getitem__)
        ]
        try:
            return self._node.ask_all(
                [("eth_sendRawTransaction", ["0x" + each.hex()]) for each in signed]
            )
        except EngineError as error:
            self._node.ask("anvil_dropAllTransactions")
            raise EngineError(f"a call can't stand in a block: {error}") from error

    def _outcomes(self, receipts: Sequence[dict[str, Any]]) -> list[Outcome]:
        failed = [each["transactionHash"] for each in receipts if int(each["status"], 16) == 0]
        traces = self._node.ask_all([("debug_traceTransaction", [f, _TOP_CALL]) for f in failed])
        why = dict(zip(failed, traces, strict=True))
        return [_outcome(each, why.get(each["transactionHash"])) for each in receipts]

    def _number(self, method: str, *params: Any) -> int:
        return int(self._node.ask(method, *params), 16)


def _outcome(receipt: dict[str, Any], trace: dict[str, Any] | None) -> Outcome:
    """What became of a transaction; `trace` is of its outermost call, where it failed.

    What a call gives back is told of failures alone.
    """
    used = int(receipt["gasUsed"], 16)
    if trace is None:
        return Outcome(True, used, b"", foreign_logs=receipt["logs"], read_log=_log)
    return Outcome(False, used, _bytes(trace.get("output", "0x")), _halt(trace["error"]))


def _log(log: dict[str, Any]) -> RawLog:
    topics = tuple([_bytes(topic) for topic in log["topics"]])
    return RawLog(log["address"], topics, _bytes(log["data"]))


def _halt(kind: str) -> str:
    """Name what stopped the EVM; "" for a contract's revert. A node has several names for gas."""
    if kind == "execution reverted":
        return ""
    return "out of gas" if "out of gas" in kind or "OutOfGas" in kind or "OOG" in kind else kind


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text[2:])
