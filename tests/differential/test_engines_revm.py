"""Engine `revm` against engine `pyevm`: random programs, transaction by transaction.

What py-evm itself does is the reference of test_engines_pyevm.py. There is no root of the state
to compare here, so the slots, nonces and balances that programs can reach are.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from eth.vm import opcode_values as op
from hypothesis import given, settings
from hypothesis import strategies as st

from spillway.engines import Call, Genesis
from spillway.engines.protocol import TX_GAS_LIMIT
from spillway.engines.pyevm import PyEvm
from spillway.errors import EngineError
from tests.programs import (
    CONTRACTS,
    EDGES,
    GAS,
    NO_EFFECTS,
    SENDER,
    creation,
    keep,
    programs,
    push,
    statement,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spillway.engines.protocol import Backend, Outcome

pytest.importorskip("wake_rs", reason="requirements-revm.lock is not installed")

from spillway.engines.revm import Revm

ROOT = Path(__file__).parents[2]
GENESIS = Genesis(senders=1)
SLOTS = range(4)


@pytest.fixture(scope="module")
def chains() -> tuple[PyEvm, Revm]:
    return PyEvm(GENESIS), Revm(GENESIS)


def compare(chains: Sequence[Backend], calls: list[Call]) -> list[Outcome]:
    """Run `calls` as one block on both, and undo it; give what came of them."""
    told = []
    for chain in chains:
        token = chain.snapshot()
        outcomes = chain.mine(calls, GENESIS.timestamp + 1)
        told.append((outcomes, state(chain)))
        chain.revert(token)
    (expected, there), (outcomes, here) = told
    for outcome, other in zip(outcomes, expected, strict=True):
        assert visible(outcome) == visible(other)
    assert here == there
    return outcomes


def visible(outcome: Outcome) -> tuple[Any, ...]:
    """What a transaction does to the chain; which of two errors comes first may differ."""
    output = outcome.output if outcome.success or not outcome.error else b""
    return outcome.success, outcome.gas_used, output, outcome.logs, bool(outcome.error)


def state(chain: Backend) -> list[Any]:
    facts: list[Any] = []
    for each in (SENDER, *CONTRACTS):
        facts.append((chain.nonce(each), chain.balance(each), chain.code_size(each)))
        facts.append([chain.storage_at(each, slot) for slot in SLOTS])
    return facts


def deployment(code: bytes) -> Call:
    return Call(SENDER, None, creation(code), gas=5_000_000)


@pytest.mark.filterwarnings("ignore:SELFDESTRUCT:DeprecationWarning")
@given(
    codes=st.tuples(programs, programs),
    payloads=st.lists(st.binary(max_size=70), min_size=1, max_size=3),
    gas=st.integers(60_000, GAS),
)
@settings(max_examples=100)
def test_random_programs_do_the_same(
    chains: Sequence[Backend], codes: tuple[bytes, bytes], payloads: list[bytes], gas: int
) -> None:
    uses = [Call(SENDER, CONTRACTS[0], data, gas=gas, value=len(data)) for data in payloads]
    compare(chains, [*map(deployment, codes), *uses])


@pytest.mark.filterwarnings("ignore:SELFDESTRUCT:DeprecationWarning")
@given(program=programs, gas=st.integers(120_000, GAS))
@settings(max_examples=50)
def test_random_creation_code_does_the_same(
    chains: Sequence[Backend], program: bytes, gas: int
) -> None:
    compare(chains, [Call(SENDER, None, program, gas=gas, value=1)])


@pytest.mark.parametrize("code", NO_EFFECTS)
def test_each_opcode_does_the_same_on_edges(chains: Sequence[Backend], code: int) -> None:
    """Run an opcode on every pair of edges above a third, and keep the result."""
    for first in EDGES:
        body = b"".join(
            push(7) + push(second) + push(first) + bytes([code]) + push(index) + bytes([op.SSTORE])
            for index, second in enumerate(EDGES)
        )
        run = Call(SENDER, CONTRACTS[0], b"\5" * 40, gas=3_000_000)
        compare(chains, [deployment(body), run])


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (bytes([0xFE]), "InvalidInstruction"),
        (bytes([0x0C]), "InvalidInstruction"),
        (bytes([op.ADD]), "InsufficientStack"),
        (push(1) * 1_025, "FullStack"),
        (push(0) + bytes([op.JUMP]), "InvalidJumpDestination"),
        (push(1) + push(0) + push(0) + bytes([op.RETURNDATACOPY]), "OutOfBoundsRead"),
        (bytes([op.JUMPDEST]) + push(0) + bytes([op.JUMP]), "out of gas"),
        (keep(push(1), 2**64, op.MSTORE), "out of gas"),
        (statement(0, 0, code=op.REVERT), ""),
    ],
)
def test_errors_have_the_same_names(chains: Sequence[Backend], code: bytes, error: str) -> None:
    calls = [deployment(code), Call(SENDER, CONTRACTS[0], b"", gas=GAS)]
    for chain in chains:
        with chain.rehearse(calls, GENESIS.timestamp + 1) as outcomes:
            assert [each.success for each in outcomes] == [True, False]
            assert outcomes[1].error == error
            read = chain.call(calls[1])
            assert (read.success, read.error) == (False, error)


@pytest.mark.parametrize("code", [b"\xef", b"\xef\x00"])
def test_code_of_a_reserved_kind_is_not_deployed(chains: Sequence[Backend], code: bytes) -> None:
    [outcome] = compare(chains, [deployment(code)])
    assert (outcome.success, outcome.error) == (False, "ReservedBytesInCode")


@pytest.mark.parametrize("size", [0, 1, 24_576, 24_577, 30_000])
def test_code_sizes_are_limited_the_same(chains: Sequence[Backend], size: int) -> None:
    [outcome] = compare(
        chains, [Call(SENDER, None, statement(0, size, code=op.RETURN), gas=TX_GAS_LIMIT)]
    )
    assert outcome.success == (size <= 24_576)


def test_gas_runs_out_at_the_same_place(chains: Sequence[Backend]) -> None:
    body = keep(statement(1, code=op.SLOAD), 0, op.MSTORE) + statement(1, 0, code=op.SSTORE) * 2
    limits = [*range(21_000, 21_030), *range(23_100, 23_150), *range(25_380, 25_440)]
    uses = [Call(SENDER, CONTRACTS[0], b"", gas=limit) for limit in limits]
    compare(chains, [deployment(body), *uses])


def test_a_block_that_overflows_is_not_begun(chains: Sequence[Backend]) -> None:
    """Calls that burn more than the block has: Engine packs them otherwise, so it never happens."""
    _, chain = chains
    loop = bytes([op.JUMPDEST]) + push(0) + bytes([op.JUMP])
    token = chain.snapshot()
    chain.mine([deployment(loop)], GENESIS.timestamp + 1)
    burn = Call(SENDER, CONTRACTS[0], b"", gas=TX_GAS_LIMIT)
    burns = [burn] * (GENESIS.gas_limit // TX_GAS_LIMIT + 1)
    with pytest.raises(EngineError, match="can't stand in a block"):
        chain.mine(burns, GENESIS.timestamp + 2)
    assert (chain.head.number, chain.nonce(SENDER)) == (1, 1)
    with chain.rehearse(burns, GENESIS.timestamp + 2) as outcomes:
        assert {each.gas_used for each in outcomes} == {TX_GAS_LIMIT}
    chain.revert(token)


def test_a_read_with_value_that_is_not_there_is_refused(chains: Sequence[Backend]) -> None:
    _, chain = chains
    with pytest.raises(EngineError, match="lack of funds"):
        chain.call(Call(CONTRACTS[1], SENDER, b"", value=1))


def test_starting_it_changes_nothing_else() -> None:
    """Seen from a fresh process, since Wake is imported once."""
    program = """
import logging, signal, sys, warnings
from spillway import engines

def settings():
    root = logging.getLogger()
    return root.handlers, root.level, warnings.filters, sys.excepthook, signal.getsignal(2)

before = [each[:] if isinstance(each, list) else each for each in settings()]
engines.start("revm")
assert before == list(settings())
"""
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True)  # noqa: S603 (ours)


def test_reads_last_however_often_the_chain_went_back(chains: Sequence[Backend]) -> None:
    """More often than Wake by itself remembers, with blocks in between."""
    _, chain = chains
    outer = chain.snapshot()
    count = statement(0, code=op.SLOAD) + push(1) + bytes([op.ADD])
    bump = Call(SENDER, CONTRACTS[0], b"", gas=GAS)
    chain.mine([deployment(keep(count, 0, op.SSTORE))], GENESIS.timestamp + 1)
    for second in range(2, 402):
        for _ in range(4):
            with chain.rehearse([bump], GENESIS.timestamp + second):
                pass
        chain.mine([bump], GENESIS.timestamp + second)
    assert chain.storage_at(CONTRACTS[0], 0) == 400
    assert chain.call(bump).success
    chain.revert(outer)
    assert chain.storage_at(CONTRACTS[0], 0) == chain.code_size(CONTRACTS[0]) == 0
    assert chain.call(bump).success  # nothing stands there
