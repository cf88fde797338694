"""Engine `pyevm` against py-evm as it comes: random programs, transaction by transaction.

The reference is py-evm's own state, tries, interpreter and transaction executor. Outcomes, gas and
the root of the whole state have to be the same after each transaction.
"""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from eth.constants import BLANK_ROOT_HASH, CREATE_CONTRACT_ADDRESS, ZERO_ADDRESS
from eth.db.atomic import AtomicDB
from eth.vm import opcode_values as op
from eth.vm.execution_context import ExecutionContext
from eth.vm.forks.prague import PragueVM
from eth.vm.forks.prague.state import PragueState
from eth.vm.forks.prague.transactions import PragueTransactionBuilder
from eth.vm.spoof import SpoofTransaction
from eth_typing import BlockNumber, Hash32
from hypothesis import given, settings
from hypothesis import strategies as st

from spillway.engines import Call, Genesis, evm
from spillway.engines.protocol import CHAIN_ID, SENDER_BALANCE, Outcome
from spillway.engines.pyevm import PyEvm
from tests.programs import (
    CONTRACTS,
    EDGES,
    GAS,
    NO_EFFECTS,
    SENDER,
    call,
    creation,
    keep,
    programs,
    push,
    statement,
)

GENESIS = Genesis(senders=1)


class Reference:
    """py-evm as it comes, one transaction after the other in one block."""

    def __init__(self) -> None:
        context = ExecutionContext(
            coinbase=ZERO_ADDRESS,
            timestamp=GENESIS.timestamp + 1,
            block_number=BlockNumber(1),
            difficulty=0,
            mix_hash=Hash32(bytes(32)),
            gas_limit=GENESIS.gas_limit,
            prev_hashes=(),
            chain_id=CHAIN_ID,
            base_fee_per_gas=0,
            excess_blob_gas=0,
        )
        self.state = PragueState(AtomicDB(), context, BLANK_ROOT_HASH)
        self.state.set_balance(evm.to_bytes(SENDER), SENDER_BALANCE)
        self.state.lock_changes()

    def transact(self, call: Call) -> Outcome:
        sender = evm.to_bytes(call.sender)
        unsigned = PragueTransactionBuilder.create_unsigned_transaction(
            nonce=self.state.get_nonce(sender),
            gas_price=0,
            gas=call.gas,
            to=evm.to_bytes(call.to) if call.to else CREATE_CONTRACT_ADDRESS,
            value=call.value,
            data=call.data,
        )
        transaction: Any = SpoofTransaction(unsigned, from_=sender)
        computation = self.state.get_transaction_executor()(transaction)
        self.state.lock_changes()
        return evm.outcome(computation, PragueVM.finalize_gas_used(transaction, computation))


def compare(calls: list[Call]) -> None:
    """Run `calls` as one block on both; outcomes and the state's root must be the same."""
    reference, ours = Reference(), PyEvm(GENESIS)
    expected = [reference.transact(call) for call in calls]
    for outcome, other in zip(ours.mine(calls, GENESIS.timestamp + 1), expected, strict=True):
        # Which of two errors comes first may differ; what they do to the chain may not.
        assert outcome._replace(error="") == other._replace(error="")
        assert bool(outcome.error) == bool(other.error)
    assert ours.state_root() == reference.state.make_state_root()


@pytest.mark.filterwarnings("ignore:SELFDESTRUCT:DeprecationWarning")
@given(
    codes=st.tuples(programs, programs),
    payloads=st.lists(st.binary(max_size=70), min_size=1, max_size=3),
    gas=st.integers(60_000, GAS),
)
@settings(max_examples=150)
def test_random_programs_do_the_same(
    codes: tuple[bytes, bytes], payloads: list[bytes], gas: int
) -> None:
    deployments = [Call(SENDER, None, creation(code), gas=5_000_000) for code in codes]
    uses = [Call(SENDER, CONTRACTS[0], data, gas=gas, value=len(data)) for data in payloads]
    compare([*deployments, *uses])


@given(program=programs, gas=st.integers(120_000, GAS))
@settings(max_examples=50)
@pytest.mark.filterwarnings("ignore:SELFDESTRUCT:DeprecationWarning")
def test_random_creation_code_does_the_same(program: bytes, gas: int) -> None:
    compare([Call(SENDER, None, program, gas=gas, value=1)])


@pytest.mark.parametrize("code", NO_EFFECTS)
def test_each_opcode_does_the_same_on_edges(code: int) -> None:
    """Run an opcode on every pair of edges above a third, and keep the result."""
    for first in EDGES:
        body = b"".join(
            push(7) + push(second) + push(first) + bytes([code]) + push(index) + bytes([op.SSTORE])
            for index, second in enumerate(EDGES)
        )
        run = Call(SENDER, CONTRACTS[0], b"\5" * 40, gas=3_000_000)
        compare([Call(SENDER, None, creation(body), gas=5_000_000), run])


@pytest.mark.parametrize("original", range(3))
def test_storing_costs_and_refunds_the_same_for_every_past(original: int) -> None:
    """Write a slot two times in a transaction, and read it before, between or after, or not."""
    reads = [b"", statement(0, code=op.SLOAD) + bytes([op.POP])]
    for first, second, before, between in product(range(3), range(3), reads, reads):
        body = (
            before
            + statement(0, first, code=op.SSTORE)
            + between
            + statement(0, second, code=op.SSTORE)
            + statement(0, 0, 200, 0, code=op.CALLDATACOPY) * 20  # gas that makes room for refunds
            + statement(1, 1, code=op.SSTORE)
        )
        # With no call data the slot is set to the original, with some the body runs.
        start = keep(push(original), 0, op.SSTORE) + bytes([op.STOP, op.JUMPDEST])
        opening = bytes([op.CALLDATASIZE, op.PUSH1, 4 + len(start) - 1, op.JUMPI])
        code = opening + start + body
        uses = [Call(SENDER, CONTRACTS[0], data, gas=GAS) for data in (b"", b"\1", b"\1")]
        compare([Call(SENDER, None, creation(code), gas=5_000_000), *uses])


def test_nothing_can_be_stored_in_a_static_call() -> None:
    for effect in (op.SSTORE, op.TSTORE, op.LOG0):
        callee = statement(1, 1, code=effect)
        caller = call(op.STATICCALL, 1, 50_000, 0) + keep(
            statement(64, code=op.MLOAD), 7, op.SSTORE
        )
        deployments = [
            Call(SENDER, None, creation(each), gas=5_000_000) for each in (caller, callee)
        ]
        uses = [Call(SENDER, contract, b"", gas=GAS) for contract in CONTRACTS]
        compare([*deployments, *uses])


def test_what_a_reverted_call_warmed_is_cold_again() -> None:
    touch = statement(5, code=op.SLOAD) + statement(1, code=op.BALANCE)
    callee = touch + statement(5, 9, code=op.SSTORE) + statement(0, 0, code=op.REVERT)
    caller = call(op.DELEGATECALL, 1, 100_000, 0) + touch
    deployments = [Call(SENDER, None, creation(each), gas=5_000_000) for each in (caller, callee)]
    compare([*deployments, Call(SENDER, CONTRACTS[0], b"", gas=GAS)])


def test_transient_storage_ends_with_its_transaction() -> None:
    body = keep(statement(0, code=op.TLOAD), 0, op.SSTORE) + statement(0, 7, code=op.TSTORE)
    use = Call(SENDER, CONTRACTS[0], b"", gas=GAS)
    compare([Call(SENDER, None, creation(body), gas=5_000_000), use, use])


@pytest.mark.parametrize("code", [op.ADD, op.SSTORE], ids=["plain", "store"])
def test_gas_runs_out_at_the_same_place(code: int) -> None:
    """Cut a run of cheap opcodes, a cold read, and the stipend's rule, at every single gas."""
    body = keep(statement(1, code=op.SLOAD), 0, op.MSTORE) + statement(1, 0, code=code) * 2
    deployment = Call(SENDER, None, creation(body), gas=5_000_000)
    limits = [*range(21_000, 21_030), *range(23_100, 23_150), *range(25_380, 25_440)]
    uses = [Call(SENDER, CONTRACTS[0], b"", gas=limit) for limit in limits]
    compare([deployment, *uses])


def test_a_full_stack_fails_on_both() -> None:
    for height in (1_023, 1_024, 1_025):
        body = bytes([op.JUMPDEST]) + push(1) * height
        deployment = Call(SENDER, None, creation(body), gas=5_000_000)
        compare([deployment, Call(SENDER, CONTRACTS[0], b"", gas=GAS)])
