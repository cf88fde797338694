"""Engine `ape`'s VM against py-evm as it comes: the same transactions make the same blocks.

A block's hash covers its state root, receipts, bloom and gas, so that equal hashes leave nothing
to compare.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from eth.chains.base import MiningChain
from eth.consensus.pos import PosConsensus
from eth.constants import CREATE_CONTRACT_ADDRESS, GENESIS_PARENT_HASH
from eth.db.atomic import AtomicDB
from eth.vm.forks.prague import PragueVM
from eth.vm.forks.prague.transactions import PragueTransactionBuilder
from eth_keys.datatypes import PrivateKey
from eth_tester.backends.pyevm.main import get_default_genesis_params
from eth_typing import BlockNumber

from spillway import engines
from spillway.engines import Call, Engine, Genesis, accounts, codec, evm
from spillway.engines.protocol import CHAIN_ID, SENDER_BALANCE
from spillway.engines.rooted_state import RootedDB, RootedVM, persist_block
from tests.rng import seeded

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random

    from eth.abc import BlockHeaderAPI, SignedTransactionAPI
    from eth.typing import AccountDetails

    from spillway.build import Artifacts

START = 1_760_000_000
GAS = 3_000_000
SENDERS = [accounts.sender(index) for index in range(3)]
HARNESS = accounts.create_address(SENDERS[0].address, 0)


class Twin:
    """One chain with stock rules and one with ours, which mine the same transactions."""

    def __init__(self) -> None:
        self.stock = _chain(PragueVM, AtomicDB())
        self.ours = _chain(RootedVM, RootedDB())
        self._nonces = dict.fromkeys((sender.address for sender in SENDERS), 0)

    @property
    def head(self) -> BlockHeaderAPI:
        header: BlockHeaderAPI = self.ours.get_canonical_head()
        return header

    def mine(self, calls: list[Call]) -> list[bool]:
        """Mine `calls` on both and compare the blocks; which of the calls succeeded."""
        transactions = [self._sign(call) for call in calls]
        hashes, outcomes = [], []
        for chain in (self.stock, self.ours):
            parent = chain.get_canonical_head()
            later = parent.timestamp + 15
            chain.header = chain.create_header_from_parent(parent, timestamp=later)
            mined, receipts, computations = chain.mine_all(transactions, timestamp=later)
            assert mined.imported_block.header.timestamp == later
            hashes.append(mined.imported_block.hash)
            outcomes.append([computation.is_success for computation in computations])
            assert len(receipts) == len(calls)
        assert hashes[0] == hashes[1]
        assert outcomes[0] == outcomes[1]
        return outcomes[1]

    def go_back(self, header: BlockHeaderAPI, nonces: dict[str, int]) -> None:
        """Make an earlier block the head of both chains again."""
        for chain in (self.stock, self.ours):
            database = chain.chaindb
            go = database._set_as_canonical_chain_head  # noqa: SLF001 (py-evm has no other way)
            go(database.db, header, GENESIS_PARENT_HASH)
        self._nonces = dict(nonces)

    @property
    def nonces(self) -> dict[str, int]:
        return dict(self._nonces)

    def _sign(self, call: Call) -> SignedTransactionAPI:
        key = next(sender.key for sender in SENDERS if sender.address == call.sender)
        unsigned = PragueTransactionBuilder.new_unsigned_dynamic_fee_transaction(
            chain_id=CHAIN_ID,
            nonce=self._nonces[call.sender],
            max_priority_fee_per_gas=0,
            max_fee_per_gas=10**9,
            gas=call.gas,
            to=evm.to_bytes(call.to) if call.to else CREATE_CONTRACT_ADDRESS,
            value=call.value,
            data=call.data,
            access_list=(),
        )
        self._nonces[call.sender] += 1
        return unsigned.as_signed_transaction(PrivateKey(key))


def _chain(vm: type[PragueVM], database: Any) -> Any:
    class Chain(MiningChain):
        chain_id = CHAIN_ID
        persist_block = persist_block if vm is RootedVM else MiningChain.persist_block
        vm_configuration = ((BlockNumber(0), vm.configure(consensus_class=PosConsensus)),)

    params = get_default_genesis_params({"gas_limit": 30_000_000, "timestamp": START})
    funded: AccountDetails = {"balance": SENDER_BALANCE, "nonce": 0, "code": b"", "storage": {}}
    state = {evm.to_bytes(sender.address): funded for sender in SENDERS}
    return Chain.from_genesis(database, params | {"base_fee_per_gas": 0}, state)


@pytest.fixture
def twin() -> Twin:
    return Twin()


@pytest.fixture
def ape() -> Iterator[Engine]:
    with engines.start("ape", Genesis(START - 1)) as engine:
        yield engine


@pytest.fixture
def harness(artifacts: Artifacts) -> codec.Interface:
    return codec.Interface(artifacts["EngineHarness"])


def deploy(harness: codec.Interface, artifacts: Artifacts) -> Call:
    data = artifacts["EngineHarness"].bytecode + harness.constructor.encode((7,))
    return Call(SENDERS[0].address, None, data, gas=GAS)


def some_call(harness: codec.Interface, rng: Random) -> Call:
    """A call that writes, clears, undoes, creates, pays, refuses or runs out of gas."""
    sender = rng.choice(SENDERS).address
    writes = [("write", rng.randrange(3), rng.randrange(9), word) for word in (0, 0, 1, 2**255)]
    others = [
        ("bump", "note"),
        ("write_and_undo", rng.randrange(3)),
        ("spawn", HARNESS),
        ("refuse", "refused"),
        ("spin",),
        ("keep",),
    ]
    name, *args = rng.choice([*writes, *others])
    call = Call(sender, HARNESS, harness.functions[str(name)].encode(args), gas=300_000)
    if rng.random() < 0.2:
        return Call(sender, rng.choice(SENDERS).address, b"", value=rng.randrange(5))
    return call._replace(gas=60_000) if rng.random() < 0.2 else call


@pytest.mark.parametrize("seed", range(6))
def test_the_same_transactions_make_the_same_blocks(
    twin: Twin, harness: codec.Interface, artifacts: Artifacts, seed: int
) -> None:
    rng = seeded(seed)
    assert twin.mine([deploy(harness, artifacts)]) == [True]
    outcomes = [
        outcome
        for _ in range(12)
        for outcome in twin.mine([some_call(harness, rng) for _ in range(rng.randrange(6))])
    ]
    assert True in outcomes


def test_a_chain_goes_on_from_an_earlier_block(
    twin: Twin, harness: codec.Interface, artifacts: Artifacts
) -> None:
    rng = seeded(1)
    twin.mine([deploy(harness, artifacts)])
    early, nonces = twin.head, twin.nonces
    for _ in range(3):
        twin.mine([some_call(harness, rng) for _ in range(4)])
    twin.go_back(early, nonces)
    for _ in range(3):
        twin.mine([some_call(harness, rng) for _ in range(4)])


def test_an_unfinished_block_leaves_nothing_behind(
    twin: Twin, harness: codec.Interface, artifacts: Artifacts
) -> None:
    twin.mine([deploy(harness, artifacts)])
    state = twin.ours.get_vm(twin.head).state
    state.set_balance(evm.to_bytes(SENDERS[1].address), 5)
    state.set_storage(evm.to_bytes(HARNESS), 3, 9)
    twin.mine([some_call(harness, seeded(2)) for _ in range(4)])


def test_a_mined_block_holds_the_signatures_of_its_senders(
    ape: Engine, harness: codec.Interface
) -> None:
    data = harness.functions["bump"].encode(("note",))
    senders = [ape.sender(index) for index in (0, 1, 2, 1)]
    result = ape.send_block([Call(each, ape.sender(3), data) for each in senders], START)
    backend: Any = ape.backend
    chain = backend._provider.evm_backend.chain  # noqa: SLF001 (what a node would be asked for)
    block = chain.get_canonical_block_by_number(result.head.number)
    assert [each.get_sender() for each in block.transactions] == list(map(evm.to_bytes, senders))
