"""Engine `pyevm`: py-evm's virtual machine driven directly.

No signatures, no tries, no header chain; what stays is what decides results and gas: true
transaction boundaries with cold access lists, refunds, intrinsic gas, nonces and balances.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from eth.constants import (
    CREATE_CONTRACT_ADDRESS,
    GAS_TX,
    GAS_TXCREATE,
    GAS_TXDATAZERO,
    ZERO_ADDRESS,
)
from eth.db.atomic import AtomicDB
from eth.vm.execution_context import ExecutionContext
from eth.vm.forks.cancun.transaction_context import CancunTransactionContext
from eth.vm.forks.istanbul.constants import GAS_TXDATANONZERO_EIP2028
from eth.vm.forks.prague import PragueVM
from eth.vm.forks.prague.state import PragueTransactionExecutor
from eth.vm.message import Message
from eth_typing import BlockNumber, Hash32

from spillway.engines import accounts, evm
from spillway.engines.flat_state import FlatState
from spillway.engines.hashing import keccak
from spillway.engines.interpreter import FastComputation
from spillway.engines.protocol import (
    CHAIN_ID,
    SENDER_BALANCE,
    Address,
    Call,
    Genesis,
    Head,
    Outcome,
)
from spillway.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from eth.abc import ComputationAPI
    from eth_typing import Address as CanonicalAddress

ZERO_HASH = Hash32(bytes(32))


class PyEvm:
    """The backend of engine `pyevm`."""

    name = "pyevm"

    def __init__(self, genesis: Genesis) -> None:
        self._genesis = genesis
        self._head = Head(0, genesis.timestamp)
        self._state = FlatState(AtomicDB(), self._context(), ZERO_HASH)
        self._accounts = self._state.accounts
        self._snapshots: list[tuple[int, Head]] = []
        for index in range(genesis.senders):
            self._accounts.set_balance(evm.to_bytes(self.sender(index)), SENDER_BALANCE)
        self._accounts.lock_changes()

    def close(self) -> None:
        pass

    @property
    def head(self) -> Head:
        return self._head

    def mine(self, calls: Sequence[Call], timestamp: int) -> list[Outcome]:
        before = self.snapshot()
        self._move_to(Head(self._head.number + 1, timestamp))
        try:
            outcomes = [self._transact(call) for call in calls]
        except EngineError:
            self.revert(before)
            raise
        self._forget(before)
        return outcomes

    @contextmanager
    def rehearse(self, calls: Sequence[Call], timestamp: int) -> Iterator[list[Outcome]]:
        before = self.snapshot()
        try:
            yield self.mine(calls, timestamp)
        finally:
            self.revert(before)

    def call(self, call: Call) -> Outcome:
        result = evm.read(self._state, call)
        self._accounts.lock_changes()
        return result

    def sender(self, index: int) -> Address:
        if not 0 <= index < self._genesis.senders:
            raise EngineError(f"sender {index}: the chain has {self._genesis.senders}")
        return accounts.sender(index).address

    def nonce(self, address: Address) -> int:
        return self._accounts.get_nonce(evm.to_bytes(address))

    def balance(self, address: Address) -> int:
        return self._accounts.get_balance(evm.to_bytes(address))

    def code_size(self, address: Address) -> int:
        return len(self._accounts.get_code(evm.to_bytes(address)))

    def storage_at(self, address: Address, slot: int) -> int:
        return self._accounts.get_storage(evm.to_bytes(address), slot)

    def state_root(self) -> bytes:
        """Compute the Merkle root of the whole state: slow, and only when asked."""
        return self._accounts.make_state_root()

    def snapshot(self) -> int:
        self._accounts.keep_journal = True
        self._snapshots.append((self._accounts.record(), self._head))
        return len(self._snapshots) - 1

    def revert(self, token: int) -> None:
        checkpoint, head = self._snapshots[token]
        self._accounts.discard(checkpoint)
        self._forget(token)
        self._move_to(head)

    def _forget(self, token: int) -> None:
        """Drop a snapshot and those since; the journal goes with the last of them."""
        del self._snapshots[token:]
        self._accounts.keep_journal = bool(self._snapshots)
        self._accounts.lock_changes()

    def _move_to(self, head: Head) -> None:
        self._head = head
        self._state.execution_context = self._context()

    def _transact(self, call: Call) -> Outcome:
        """Run one transaction: Prague's rules, minus the signature and the fee."""
        sender = evm.to_bytes(call.sender)
        gas = call.gas - intrinsic_gas(call)
        if gas < 0:
            raise EngineError(f"{call.label}: {call.gas} gas do not pay for the call data")
        if self._accounts.get_balance(sender) < call.value:
            raise EngineError(f"{call.label}: {call.sender} has less than {call.value} wei")
        nonce = self._accounts.get_nonce(sender)
        self._accounts.set_nonce(sender, nonce + 1)
        message = self._message(call, sender, nonce, gas)
        self._accounts.warm_up(sender)
        self._accounts.warm_up(message.storage_address)
        context = CancunTransactionContext(gas_price=0, origin=sender)
        apply = FastComputation.apply_message
        if call.to is None:
            apply = FastComputation.apply_create_message
        computation = apply(self._state, message, context)
        gas_used = _gas_used(call, computation)
        for address in computation.get_accounts_for_deletion():
            self._accounts.delete_account(address)
        self._accounts.lock_changes()
        return evm.outcome(computation, gas_used)

    def _message(self, call: Call, origin: CanonicalAddress, nonce: int, gas: int) -> Message:
        if call.to is None:
            to, data, code = CREATE_CONTRACT_ADDRESS, b"", call.data
            created = evm.to_bytes(accounts.create_address(call.sender, nonce))
            return Message(gas, to, origin, call.value, data, code, create_address=created)
        to = evm.to_bytes(call.to)
        return Message(gas, to, origin, call.value, call.data, self._accounts.get_code(to))

    def _context(self) -> ExecutionContext:
        return ExecutionContext(
            coinbase=ZERO_ADDRESS,
            timestamp=self._head.timestamp,
            block_number=BlockNumber(self._head.number),
            difficulty=0,
            mix_hash=ZERO_HASH,
            gas_limit=self._genesis.gas_limit,
            prev_hashes=_hashes(self._head.number),
            chain_id=CHAIN_ID,
            base_fee_per_gas=0,
            excess_blob_gas=0,
        )


def intrinsic_gas(call: Call) -> int:
    """What a transaction costs before its first opcode."""
    zeros = call.data.count(0)
    data = GAS_TXDATAZERO * zeros + GAS_TXDATANONZERO_EIP2028 * (len(call.data) - zeros)
    return GAS_TX + data + (GAS_TXCREATE if call.to is None else 0)


def _gas_used(call: Any, computation: ComputationAPI) -> int:
    """Gas after refunds and the floor for call data, by py-evm's rules for any transaction."""
    rules = PragueTransactionExecutor
    used = call.gas - computation.get_gas_remaining()
    refund = rules.calculate_gas_refund(computation, used)
    computation.data_floor_gas = rules.calc_data_floor_gas(call, used, refund)
    return PragueVM.finalize_gas_used(call, computation)


def _hashes(number: int) -> Iterator[Hash32]:
    """Stand-ins for the hashes of the blocks before `number`, newest first."""
    return (Hash32(keccak(before.to_bytes(32, "big"))) for before in range(number - 1, -1, -1))
