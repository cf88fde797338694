"""Prague's VM for a chain of py-evm, on flat tables that know their Merkle root.

Blocks, receipts, transactions and roots stay py-evm's. What differs: the loop over opcodes; the
slots of a block are kept for the next one instead of being read from the tries again; what was just
made is neither copied nor decoded once more. The tries are read where a table has no entry yet, and
written at the end of a block.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import rlp
from eth.abc import BlockPersistResult
from eth.constants import BLANK_ROOT_HASH
from eth.db.atomic import AtomicDB
from eth.db.witness import MetaWitness
from eth.rlp.accounts import Account
from eth.vm.forks.prague import PragueVM
from eth.vm.forks.prague.blocks import PragueBlock
from eth_typing import Hash32
from trie import HexaryTrie

from spillway.engines.flat_state import FlatAccountDB, FlatState, Table
from spillway.engines.hashing import keccak

if TYPE_CHECKING:
    from eth.abc import BlockAPI, BlockHeaderAPI, ExecutionContextAPI, TransactionFieldsAPI
    from eth.chains.base import MiningChain


class RootedAccountDB(FlatAccountDB):
    """Flat accounts over the tries of a database; one block at a time, from root to root."""

    def __init__(self, db: RootedDB, state_root: bytes) -> None:
        super().__init__()
        self._db = db
        self._root = state_root
        self._storage_roots: dict[bytes, bytes] = {}
        self._touched: set[bytes] = set()
        self._slots: defaultdict[bytes, set[int]] = defaultdict(set)
        self.keep_journal = True  # until the block ends

    # reading through to the tries

    def get_nonce(self, address: bytes) -> int:
        self._load(address)
        return super().get_nonce(address)

    def get_balance(self, address: bytes) -> int:
        self._load(address)
        return super().get_balance(address)

    def get_code(self, address: bytes) -> bytes:
        self._load(address)
        return super().get_code(address)

    def get_code_hash(self, address: bytes) -> bytes:  # type: ignore[override]
        self._load(address)
        return super().get_code_hash(address)

    def get_storage(self, address: bytes, slot: int, from_journal: bool = True) -> int:
        slots = self._storage.get(address)
        if slots is None or slot not in slots:
            self._load_slot(address, slot)
        return super().get_storage(address, slot, from_journal)

    def _load(self, address: bytes) -> None:
        if address in self._storage_roots:
            return
        encoded = HexaryTrie(self._db, self._root)[keccak(address)]
        account = rlp.decode(encoded, Account) if encoded else Account()
        self._storage_roots[address] = account.storage_root
        self._nonces.setdefault(address, account.nonce)
        self._balances.setdefault(address, account.balance)
        if account.code_hash in self._db:
            self._codes.setdefault(address, (self._db[account.code_hash], account.code_hash))

    def _load_slot(self, address: bytes, slot: int) -> None:
        self._load(address)
        encoded = HexaryTrie(self._db, self._storage_roots[address])[_slot_key(slot)]
        slots = self._storage.setdefault(address, {})
        slots[slot] = rlp.decode(encoded, rlp.sedes.big_endian_int) if encoded else 0

    # writing

    def write(self, table: Table, key: Any, value: Any) -> None:
        if isinstance(key, bytes):
            self._load(key)
            self._touched.add(key)
        super().write(table, key, value)

    def set_storage(self, address: bytes, slot: int, value: int) -> None:
        self.get_storage(address, slot)
        self._slots[address].add(slot)
        super().set_storage(address, slot, value)

    # roots

    @property
    def state_root(self) -> Hash32:
        """The root of the last block."""
        return Hash32(self._root)

    @state_root.setter
    def state_root(self, value: Hash32) -> None:
        raise NotImplementedError("a chain asks RootedDB for the accounts at another root")

    def make_state_root(self) -> Hash32:
        """Write what changed into the tries; the root of them all."""
        roots: Any = HexaryTrie(self._db, self._root)
        with roots.squash_changes() as accounts:
            for address in sorted(self._touched | self._slots.keys()):
                self._storage_roots[address] = self._write_slots(address)
                accounts[keccak(address)] = self._encoded(address)
        self._root = roots.root_hash
        self._touched.clear()
        self._slots.clear()
        return Hash32(self._root)

    def persist(self) -> MetaWitness:
        """End a block."""
        self.make_state_root()
        self.lock_changes()
        self._journal.clear()
        return MetaWitness(set(), {})

    def forget(self) -> None:
        """Undo what has been written since the last block."""
        self.discard(0)
        self.lock_changes()
        self._touched.clear()
        self._slots.clear()

    def _write_slots(self, address: bytes) -> bytes:
        self._load(address)
        words: Any = HexaryTrie(self._db, self._storage_roots[address])
        with words.squash_changes() as trie:
            for slot in sorted(self._slots[address]):
                value = self.get_storage(address, slot)
                trie[_slot_key(slot)] = rlp.encode(value) if value else b""
        return bytes(words.root_hash)

    def _encoded(self, address: bytes) -> bytes:
        """What the tries hold of an account: nothing (b"" deletes) where it does not exist."""
        if not self.account_exists(address):
            return b""
        code_hash = self.get_code_hash(address)
        if code_hash not in self._db and (code := self.get_code(address)):
            self._db[code_hash] = code
        account = Account(
            self.get_nonce(address),
            self.get_balance(address),
            self._storage_roots[address],
            code_hash,
        )
        return bytes(rlp.encode(account))


class RootedDB(AtomicDB):
    """A database in memory that keeps the accounts of its last block at hand."""

    def __init__(self) -> None:
        super().__init__()
        self._accounts = RootedAccountDB(self, BLANK_ROOT_HASH)

    def accounts_at(self, state_root: bytes) -> RootedAccountDB:
        """The accounts at a root, without what an unfinished block may have written."""
        if self._accounts.state_root == state_root:
            self._accounts.forget()
        else:
            self._accounts = RootedAccountDB(self, state_root)
        return self._accounts


class RootedState(FlatState):
    """Prague's rules on a RootedAccountDB, which all states at the same root share."""

    def __init__(self, db: Any, context: ExecutionContextAPI, state_root: Hash32) -> None:
        super().__init__(db, context, state_root)
        self._account_db = db.accounts_at(state_root)


class RootedBlock(PragueBlock):
    """A block of which a copy shares what it does not change, rather than copy each transaction."""

    def copy(self, **changes: Any) -> RootedBlock:
        return type(self)(**{**self.as_dict(), **changes})


class RootedVM(PragueVM):
    """Prague, block by block."""

    block_class = RootedBlock
    _state_class = RootedState

    def increment_blob_gas_used(
        self, old_header: BlockHeaderAPI, transaction: TransactionFieldsAPI
    ) -> BlockHeaderAPI:
        """The header as it was, and no copy of it: a transaction of ours has no blobs."""
        del transaction
        return old_header


def persist_block(
    chain: MiningChain, block: BlockAPI, perform_validation: bool = True
) -> BlockPersistResult:
    """A chain's method: check and store a block, without decoding it from the database again."""
    if perform_validation:
        chain.validate_block(block)
    chain.chaindb.persist_block(block)
    return BlockPersistResult(block, (block,), ())


def _slot_key(slot: int) -> bytes:
    return keccak(slot.to_bytes(32, "big"))
