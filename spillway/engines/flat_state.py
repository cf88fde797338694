"""py-evm's Prague state on plain dicts: no tries, no serialisation, one journal for everything.

py-evm's own AccountDB keeps accounts and slots in tries behind five layers of caches. Here a slot
is an entry of a dict, and every write leaves its old value in one list, so that undoing a message,
a transaction or a whole test is the same short loop. The state root is computed only when asked.
"""

from __future__ import annotations

from typing import Any

import rlp
from eth.abc import AccountDatabaseAPI
from eth.constants import BLANK_ROOT_HASH, EMPTY_SHA3
from eth.rlp.accounts import Account
from eth.vm.forks.prague.state import PragueState
from eth_typing import Hash32
from trie import HexaryTrie

from spillway.engines.hashing import keccak
from spillway.engines.interpreter import FastComputation

Table = dict[Any, Any]


class FlatAccountDB(AccountDatabaseAPI):
    """Accounts, storage and warm sets of one chain, without history beyond the journal.

    A checkpoint is a length of the journal: `discard` undoes down to it, `commit` does nothing.
    """

    def __init__(self, db: object = None, state_root: bytes = BLANK_ROOT_HASH) -> None:
        del db, state_root  # py-evm passes them; this state starts empty and lives in memory
        self._nonces: dict[bytes, int] = {}
        self._balances: dict[bytes, int] = {}
        self._codes: dict[bytes, tuple[bytes, bytes]] = {}  # code and its hash
        self._storage: dict[bytes, dict[int, int]] = {}
        self.transient: dict[tuple[bytes, int], bytes] = {}
        self._warm: dict[Any, None] = {}
        self._originals: dict[tuple[bytes, int], int] = {}  # values before this transaction
        self._journal: list[tuple[Table, Any, Any]] = []
        self.keep_journal = False  # whether someone may still ask for a block to be undone

    # journal

    def write(self, table: Table, key: Any, value: Any) -> None:
        """`table[key] = value`, such that it can be undone."""
        self._journal.append((table, key, table.get(key)))
        table[key] = value

    def record(self) -> int:  # type: ignore[override]
        return len(self._journal)

    def discard(self, checkpoint: int) -> None:
        journal = self._journal
        while len(journal) > checkpoint:
            table, key, old = journal.pop()
            if old is None:
                table.pop(key, None)
            else:
                table[key] = old

    def commit(self, checkpoint: int) -> None:
        pass

    def lock_changes(self) -> None:
        """End a transaction: what it wrote is now the original, nothing is warm."""
        self._originals.clear()
        self._warm.clear()
        self.transient.clear()
        if not self.keep_journal:
            self._journal.clear()

    # storage

    def get_storage(self, address: bytes, slot: int, from_journal: bool = True) -> int:
        if not from_journal:
            original = self._originals.get((address, slot))
            if original is not None:
                return original
        slots = self._storage.get(address)
        return slots.get(slot, 0) if slots else 0

    def set_storage(self, address: bytes, slot: int, value: int) -> None:
        slots = self._storage.get(address)
        if slots is None:
            slots = self._storage[address] = {}
        old = slots.get(slot)
        self._originals.setdefault((address, slot), old or 0)
        self._journal.append((slots, slot, old))
        slots[slot] = value

    def delete_storage(self, address: bytes) -> None:
        for slot in self._storage.get(address, {}):
            self.set_storage(address, slot, 0)

    def is_storage_warm(self, address: bytes, slot: int) -> bool:
        return (address, slot) in self._warm

    def mark_storage_warm(self, address: bytes, slot: int) -> None:
        self.warm_up((address, slot))

    def is_address_warm(self, address: bytes) -> bool:
        return address in self._warm

    def mark_address_warm(self, address: bytes) -> None:
        self.warm_up(address)

    def warm_up(self, key: Any) -> bool:
        """Mark an address or an (address, slot) as accessed; whether it was cold."""
        if key in self._warm:
            return False
        self._journal.append((self._warm, key, None))
        self._warm[key] = None
        return True

    # accounts

    def get_balance(self, address: bytes) -> int:
        return self._balances.get(address, 0)

    def set_balance(self, address: bytes, balance: int) -> None:
        if balance != self._balances.get(address, 0):
            self.write(self._balances, address, balance)

    def get_nonce(self, address: bytes) -> int:
        return self._nonces.get(address, 0)

    def set_nonce(self, address: bytes, nonce: int) -> None:
        self.write(self._nonces, address, nonce)

    def increment_nonce(self, address: bytes) -> None:
        self.set_nonce(address, self.get_nonce(address) + 1)

    def set_code(self, address: bytes, code: bytes) -> None:
        self.write(self._codes, address, (code, keccak(code)))

    def get_code(self, address: bytes) -> bytes:
        entry = self._codes.get(address)
        return entry[0] if entry else b""

    def get_code_hash(self, address: bytes) -> bytes:  # type: ignore[override]
        entry = self._codes.get(address)
        return entry[1] if entry else EMPTY_SHA3

    def delete_code(self, address: bytes) -> None:
        self.write(self._codes, address, (b"", EMPTY_SHA3))

    def account_has_code_or_nonce(self, address: bytes) -> bool:
        return bool(self.get_nonce(address) or self.get_code(address))

    def delete_account(self, address: bytes) -> None:
        self.delete_storage(address)
        self.delete_code(address)
        self.set_nonce(address, 0)
        self.set_balance(address, 0)

    def account_exists(self, address: bytes) -> bool:
        return not self.account_is_empty(address)

    def touch_account(self, address: bytes) -> None:
        pass  # an empty account does not exist (EIP-161), so that touching one changes nothing

    def account_is_empty(self, address: bytes) -> bool:
        return not (self.account_has_code_or_nonce(address) or self.get_balance(address))

    # roots

    @property
    def state_root(self) -> Hash32:
        return self.make_state_root()

    @state_root.setter
    def state_root(self, value: Hash32) -> None:
        raise NotImplementedError("a flat state has no other root to go to")

    def has_root(self, state_root: bytes) -> bool:
        return state_root == self.state_root

    def make_state_root(self) -> Hash32:
        """The Merkle root of the whole state, computed from nothing."""
        root: Any = HexaryTrie({})
        for address in self._nonces.keys() | self._balances.keys() | self._codes.keys():
            if self.account_exists(address):
                account = Account(
                    self.get_nonce(address),
                    self.get_balance(address),
                    self._storage_root(address),
                    self.get_code_hash(address),
                )
                root[keccak(address)] = rlp.encode(account)
        return Hash32(root.root_hash)

    def _storage_root(self, address: bytes) -> bytes:
        root: Any = HexaryTrie({})
        for slot, value in self._storage.get(address, {}).items():
            if value:
                root[keccak(slot.to_bytes(32, "big"))] = rlp.encode(value)
        return bytes(root.root_hash)

    def persist(self) -> Any:
        raise NotImplementedError("a flat state has no database to go to")


class FlatState(PragueState):
    """Prague's rules on a FlatAccountDB; transient storage stands in the same journal."""

    account_db_class = FlatAccountDB
    computation_class = FastComputation
    _account_db: FlatAccountDB

    @property
    def accounts(self) -> FlatAccountDB:
        """The tables behind this state."""
        return self._account_db

    def snapshot(self) -> int:  # type: ignore[override]
        return self._account_db.record()

    def revert(self, snapshot: int) -> None:  # type: ignore[override]
        self._account_db.discard(snapshot)

    def commit(self, snapshot: int) -> None:  # type: ignore[override]
        pass

    def get_transient_storage(self, address: bytes, slot: int) -> bytes:
        return self._account_db.transient.get((address, slot), b"")

    def set_transient_storage(self, address: bytes, slot: int, value: bytes) -> None:
        self._account_db.write(self._account_db.transient, (address, slot), value)

    def clear_transient_storage(self) -> None:
        self._account_db.transient.clear()
