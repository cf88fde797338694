"""The funded senders of a chain with true transactions, and what calls become when they sign."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from eth.constants import CREATE_CONTRACT_ADDRESS
from eth.vm.forks.prague.transactions import PragueTransactionBuilder
from eth_keys.datatypes import PrivateKey

from spillway.engines import accounts, evm
from spillway.engines.protocol import CHAIN_ID, Address, Call
from spillway.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from eth.abc import UnsignedTransactionAPI

# The base fee is 0, or nearly; what a sender offers is far above it.
MAX_FEE = 10**9


class Wallet:
    """The keys of the first `count` senders."""

    def __init__(self, count: int) -> None:
        senders = [accounts.sender(index) for index in range(count)]
        self._keys = {sender.address: PrivateKey(sender.key) for sender in senders}
        self.addresses = [sender.address for sender in senders]

    def sender(self, index: int) -> Address:
        """The sender number `index`; raises EngineError where the chain has fewer."""
        if not 0 <= index < len(self.addresses):
            raise EngineError(f"sender {index}: the chain has {len(self.addresses)}")
        return self.addresses[index]

    def transactions(
        self, calls: Sequence[Call], nonce: Callable[[Address], int]
    ) -> list[tuple[UnsignedTransactionAPI, PrivateKey]]:
        """Turn calls into transactions, each with the key that is to sign it.

        `nonce` counts what an address has sent. Offers fall from call to call: that is how a node
        sorts those that wait for a block. Raises EngineError for a sender without a key.
        """
        sent: Counter[Address] = Counter()
        transactions: list[tuple[UnsignedTransactionAPI, PrivateKey]] = []
        for index, call in enumerate(calls):
            key = self._keys.get(call.sender)
            if key is None:
                raise EngineError(f"{call.label}: no key for {call.sender}")
            unsigned = PragueTransactionBuilder.new_unsigned_dynamic_fee_transaction(
                chain_id=CHAIN_ID,
                nonce=nonce(call.sender) + sent[call.sender],
                max_priority_fee_per_gas=0,
                max_fee_per_gas=MAX_FEE - index,
                gas=call.gas,
                to=evm.to_bytes(call.to) if call.to else CREATE_CONTRACT_ADDRESS,
                value=call.value,
                data=call.data,
                access_list=(),
            )
            sent[call.sender] += 1
            transactions.append((unsigned, key))
        return transactions
