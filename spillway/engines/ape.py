"""Engine `ape`: the local py-evm chain of Ape's test provider, with real signatures and blocks.

The calls of a block are signed and mined at once through the provider's own chain: one block per
tick and not one per call, at the time that the caller names. A rehearsal is not mined: it runs on
the state after the head, and is dropped with it. This module is imported when a chain starts: Ape
takes a second to load.
"""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ape import networks
from ape.exceptions import ApeException
from ape_test.provider import LocalProvider
from eth.constants import GENESIS_PARENT_HASH
from eth.vm.spoof import SpoofTransaction
from eth_keys.datatypes import PrivateKey
from eth_tester.backends.pyevm.main import get_default_genesis_params
from eth_utils.exceptions import ValidationError

from spillway.engines import accounts, evm
from spillway.engines.protocol import (
    CHAIN_ID,
    SENDER_BALANCE,
    Address,
    Call,
    Genesis,
    Head,
    Outcome,
)
from spillway.engines.rooted_state import RootedDB, RootedVM, persist_block
from spillway.errors import BadInput, EngineError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from eth.abc import BlockHeaderAPI, SignedTransactionAPI, StateAPI, UnsignedTransactionAPI
    from eth.vm.forks.prague import PragueVM

NETWORK = "ethereum:local:test"

# The base fee is 0 until a block is more than half full; what a sender offers is far above it.
MAX_FEE = 10**9


class ApeLocal:
    """The backend of engine `ape`, on the network choice that Ape calls `ethereum:local:test`."""

    name = "ape"

    def __init__(self, genesis: Genesis, network: str = NETWORK) -> None:
        self._genesis = genesis
        self._keys = {
            accounts.sender(index).address: PrivateKey(accounts.sender(index).key)
            for index in range(genesis.senders)
        }
        _require_local(network)
        self._connection = networks.parse_network_choice(network)
        self._provider: Any = self._connection.__enter__()
        self._snapshots: list[BlockHeaderAPI] = []
        self._header: BlockHeaderAPI
        self._state: StateAPI | None = None
        self._restart()

    def close(self) -> None:
        self._connection.__exit__(None, None, None)

    @property
    def head(self) -> Head:
        header = self._header
        return Head(header.block_number, header.timestamp)

    def mine(self, calls: Sequence[Call], timestamp: int) -> list[Outcome]:
        transactions = [_signed(unsigned, key) for unsigned, key in self._transactions(calls)]
        # A block runs at the time of the header that is prepared for it, which is now by default.
        chain = self._chain
        chain.header = chain.create_header_from_parent(self._header, timestamp=timestamp)
        try:
            mined, receipts, computations = chain.mine_all(transactions, timestamp=timestamp)
        except ValidationError as error:
            self._move_to(self._header)
            raise EngineError(f"a call can't stand in a block: {error}") from error
        self._move_to(mined.imported_block.header)
        used = [0, *(receipt.gas_used for receipt in receipts)]  # a receipt's gas is cumulative
        return [
            evm.outcome(computation, used[index + 1] - used[index])
            for index, computation in enumerate(computations)
        ]

    @contextmanager
    def rehearse(self, calls: Sequence[Call], timestamp: int) -> Iterator[list[Outcome]]:
        before, transactions = self._header, self._transactions(calls)
        header = self._chain.create_header_from_parent(before, timestamp=timestamp)
        vm = self._chain.get_vm(header)
        try:
            outcomes = [_rehearse(vm, unsigned, key) for unsigned, key in transactions]
            self._header, self._state = header, vm.state
            yield outcomes
        except ValidationError as error:
            raise EngineError(f"a call can't stand in a block: {error}") from error
        finally:
            self._move_to(before)

    def call(self, call: Call) -> Outcome:
        return evm.read(self._head_state, call)

    def sender(self, index: int) -> Address:
        if not 0 <= index < self._genesis.senders:
            raise EngineError(f"sender {index}: the chain has {self._genesis.senders}")
        return accounts.sender(index).address

    def nonce(self, address: Address) -> int:
        return self._head_state.get_nonce(evm.to_bytes(address))

    def balance(self, address: Address) -> int:
        return self._head_state.get_balance(evm.to_bytes(address))

    def code_size(self, address: Address) -> int:
        return len(self._head_state.get_code(evm.to_bytes(address)))

    def storage_at(self, address: Address, slot: int) -> int:
        return self._head_state.get_storage(evm.to_bytes(address), slot)

    def snapshot(self) -> int:
        self._snapshots.append(self._header)
        return len(self._snapshots) - 1

    def revert(self, token: int) -> None:
        header = self._snapshots[token]
        del self._snapshots[token:]
        # What eth-tester does to go back, but for executing the block again.
        database = self._chain.chaindb
        database._set_as_canonical_chain_head(database.db, header, GENESIS_PARENT_HASH)  # noqa: SLF001
        self._move_to(header)

    @property
    def _chain(self) -> Any:
        return self._provider.evm_backend.chain

    @property
    def _head_state(self) -> StateAPI:
        """The state after the head, with the head's own number and time; kept until it moves."""
        if self._state is None:
            self._state = self._chain.get_vm(self._header).state
        return self._state

    def _move_to(self, header: BlockHeaderAPI) -> None:
        self._header, self._state = header, None

    def _restart(self) -> None:
        """Replace the provider's chain by one with our time, gas limit and senders.

        Ape's own genesis is now, and a block's time must be after its parent's: without this, no
        block could be mined at a time of the past.
        """
        overrides = {"gas_limit": self._genesis.gas_limit, "timestamp": self._genesis.timestamp}
        params = get_default_genesis_params(overrides) | {"base_fee_per_gas": 0}
        backend = self._provider.evm_backend
        fresh = {"balance": SENDER_BALANCE, "nonce": 0, "code": b"", "storage": {}}
        state = backend.genesis_state | {evm.to_bytes(address): fresh for address in self._keys}
        chain = type(backend.chain).configure(
            vm_configuration=((0, RootedVM),), persist_block=persist_block
        )
        backend.chain = chain.from_genesis(RootedDB(), params, state)
        self._move_to(backend.chain.get_canonical_head())

    def _transactions(
        self, calls: Sequence[Call]
    ) -> list[tuple[UnsignedTransactionAPI, PrivateKey]]:
        """Turn calls into transactions, each with the key that is to sign it."""
        builder = self._chain.get_transaction_builder()
        sent: Counter[Address] = Counter()
        transactions = []
        for call in calls:
            key = self._keys.get(call.sender)
            if key is None:
                raise EngineError(f"{call.label}: no key for {call.sender}")
            unsigned = builder.new_unsigned_dynamic_fee_transaction(
                chain_id=CHAIN_ID,
                nonce=self.nonce(call.sender) + sent[call.sender],
                max_priority_fee_per_gas=0,
                max_fee_per_gas=MAX_FEE,
                gas=call.gas,
                to=evm.to_bytes(call.to) if call.to else b"",
                value=call.value,
                data=call.data,
                access_list=(),
            )
            sent[call.sender] += 1
            transactions.append((unsigned, key))
        return transactions


def _signed(unsigned: UnsignedTransactionAPI, key: PrivateKey) -> SignedTransactionAPI:
    """Sign, and note whose key it was: py-evm would recover that from the signature again."""
    transaction: SignedTransactionAPI = unsigned.as_signed_transaction(key)
    seeded: Any = transaction
    seeded.sender = key.public_key.to_canonical_address()
    return transaction


def _rehearse(vm: PragueVM, unsigned: UnsignedTransactionAPI, key: PrivateKey) -> Outcome:
    """Run a transaction of the owner of `key` on the state of `vm`, without a block."""
    sender = key.public_key.to_canonical_address()
    transaction: Any = SpoofTransaction(unsigned, from_=sender)
    vm.state.lock_changes()
    computation = vm.state.apply_transaction(transaction)
    return evm.outcome(computation, vm.finalize_gas_used(transaction, computation))


def _require_local(network: str) -> None:
    """Raise BadInput where `network` is not Ape's test provider."""
    try:
        local = isinstance(networks.get_provider_from_choice(network), LocalProvider)
    except (ApeException, ValueError):
        local = False
    if not local:
        # Only there can blocks be mined at times of the past, and senders be funded.
        raise BadInput("command line", "--network", network, f"{NETWORK} (or none)")
