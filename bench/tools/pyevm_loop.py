"""py-evm's own `apply_transaction`, in a loop, on one block's VM; senders are spoofed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from eth import constants
from eth.chains.base import MiningChain
from eth.db.atomic import AtomicDB
from eth.vm.forks.prague import PragueVM
from eth.vm.spoof import SpoofTransaction

from bench.tool import BALANCE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.work import Step, Work


class PyEvmLoop:
    """A VM whose block never ends."""

    def __init__(self, work: Work, _: str) -> None:
        funded = {"balance": BALANCE, "nonce": 0, "code": b"", "storage": {}}
        params: dict[str, Any] = {
            "coinbase": constants.ZERO_ADDRESS,
            "difficulty": 0,
            "extra_data": b"",
            "gas_limit": 10**12,
            "mix_hash": constants.ZERO_HASH32,
            "nonce": bytes(8),
            "timestamp": work.timestamp,
            "base_fee_per_gas": 0,
        }
        state = {bytes.fromhex(address[2:]): funded for address in work.keys}
        chain: Any = MiningChain.configure(vm_configuration=((0, PragueVM),), chain_id=1337)
        self._chain = chain.from_genesis(AtomicDB(), params, state)
        self._builder: Any = PragueVM.get_transaction_builder()
        self._nonces: dict[str, int] = {}
        self._timestamp = 0
        for step in work.setup:
            self._send(step, self._transaction(step))
        self._calls = [(step, self._transaction(step)) for step in work.calls]

    def run(self) -> Sequence[int] | None:
        return [self._send(step, transaction) for step, transaction in self._calls]

    def read(self, to: str, data: str) -> bytes:
        transaction = self._spoof(to, bytes.fromhex(data), next(iter(self._nonces)), 10**7)
        return bytes(self._vm.state.apply_transaction(transaction).output)

    def close(self) -> None:
        pass

    def _transaction(self, step: Step) -> Any:
        return self._spoof(step.to, step.raw, step.sender, step.gas)

    def _spoof(self, to: str | None, data: bytes, sender: str, gas: int) -> Any:
        nonce = self._nonces.get(sender, 0)
        self._nonces[sender] = nonce + 1
        unsigned = self._builder.new_unsigned_dynamic_fee_transaction(
            chain_id=1337,
            nonce=nonce,
            max_priority_fee_per_gas=0,
            max_fee_per_gas=0,
            gas=gas,
            to=bytes.fromhex(to[2:]) if to else b"",
            value=0,
            data=data,
            access_list=(),
        )
        return SpoofTransaction(unsigned, from_=bytes.fromhex(sender[2:]))

    def _send(self, step: Step, transaction: Any) -> int:
        if step.timestamp != self._timestamp:
            self._open(step.timestamp)
        state = self._vm.state
        state.lock_changes()
        computation = state.apply_transaction(transaction)
        return int(self._vm.finalize_gas_used(transaction, computation))

    def _open(self, timestamp: int) -> None:
        """Open a block at a time, on what the one before left."""
        if not self._timestamp:
            self._vm = self._chain.get_vm(
                self._chain.create_header_from_parent(
                    self._chain.get_canonical_head(), timestamp=timestamp
                )
            )
        context = self._vm.state.execution_context
        context._timestamp = timestamp  # noqa: SLF001 (of a block that is never mined)
        if self._timestamp:
            context._block_number += 1  # noqa: SLF001 (as above)
        self._timestamp = timestamp


TOOL = PyEvmLoop
