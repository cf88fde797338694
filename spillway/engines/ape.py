"""Engine `ape`: the local py-evm chain of Ape's test provider, with real signatures and blocks.

The calls of a block are signed and mined at once through the provider's own chain: one block per
tick and not one per call, at the time that the caller names. A rehearsal is not mined: it runs on
the state after the head, and is dropped with it. This module is imported when a chain starts: Ape
takes a second to load.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ape import networks
from eth.constants import GENESIS_PARENT_HASH
from eth.vm.spoof import SpoofTransaction
from eth_tester.backends.pyevm.main import get_default_genesis_params
from eth_utils.exceptions import ValidationError

from spillway.engines import evm
from spillway.engines.protocol import (
    SENDER_BALANCE,
    Address,
    Call,
    Genesis,
    Head,
    Outcome,
)
from spillway.engines.rooted_state import RootedDB, RootedVM, persist_block
from spillway.engines.wallet import Wallet
from spillway.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from eth.abc import BlockHeaderAPI, SignedTransactionAPI, StateAPI, UnsignedTransactionAPI
    from eth.vm.forks.prague import PragueVM
    from eth_keys.datatypes import PrivateKey

NETWORK = "ethereum:local:test"


class ApeLocal:
    """The backend of engine `ape`, on the network choice that Ape calls `ethereum:local:test`."""

    name = "ape"

    def __init__(self, genesis: Genesis, network: str = NETWORK) -> None:
        self._genesis = genesis
        self._wallet = Wallet(genesis.senders)
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
        transactions = [
            _signed(unsigned, key) for unsigned, key in self._wallet.transactions(calls, self.nonce)
        ]
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
        before, transactions = self._header, self._wallet.transactions(calls, self.nonce)
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
        return self._wallet.sender(index)

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
        state = backend.genesis_state | {
            evm.to_bytes(address): fresh for address in self._wallet.addresses
        }
        chain = type(backend.chain).configure(
            vm_configuration=((0, RootedVM),), persist_block=persist_block
        )
        backend.chain = chain.from_genesis(RootedDB(), params, state)
        self._move_to(backend.chain.get_canonical_head())


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
