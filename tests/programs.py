"""Random programs for an EVM, and the two contracts they call: what engines are compared on."""

from __future__ import annotations

from eth.vm import opcode_values as op
from hypothesis import strategies as st

from spillway.engines import accounts

SENDER = accounts.sender(0).address
CONTRACTS = [accounts.create_address(SENDER, nonce) for nonce in range(2)]
GAS = 300_000

EDGES = (0, 1, 2, 31, 32, 33, 64, 255, 256, 2**128, 2**255 - 1, 2**255, 2**256 - 2, 2**256 - 1)

NO_EFFECTS = [
    *range(op.ADD, op.SIGNEXTEND + 1),
    *range(op.LT, op.SAR + 1),
    *(op.SHA3, op.ADDRESS, op.BALANCE, op.ORIGIN, op.CALLER, op.CALLVALUE, op.CALLDATALOAD),
    *(op.CALLDATASIZE, op.CALLDATACOPY, op.CODESIZE, op.CODECOPY, op.EXTCODESIZE, op.EXTCODEHASH),
    *(op.RETURNDATASIZE, op.RETURNDATACOPY, op.TIMESTAMP, op.NUMBER, op.SELFBALANCE, op.POP),
    *(op.MLOAD, op.MSTORE, op.MSTORE8, op.MCOPY, op.SLOAD, op.PC, op.MSIZE, op.GAS, op.JUMPDEST),
    *range(op.DUP1, op.SWAP16 + 1),
]
BINARY = [
    *range(op.ADD, op.SMOD + 1),
    op.EXP,
    op.SIGNEXTEND,
    *range(op.LT, op.EQ + 1),
    op.AND,
    op.OR,
]
BINARY += [op.XOR, op.BYTE, op.SHL, op.SHR, op.SAR]
UNARY = [op.ISZERO, op.NOT, op.MLOAD, op.SLOAD, op.TLOAD, op.CALLDATALOAD, op.BALANCE]
NULLARY = [
    op.ADDRESS,
    op.ORIGIN,
    op.CALLER,
    op.CALLVALUE,
    op.CALLDATASIZE,
    op.CODESIZE,
    op.PC,
    op.GAS,
]
NULLARY += [op.RETURNDATASIZE, op.TIMESTAMP, op.NUMBER, op.SELFBALANCE, op.MSIZE]


def push(word: int) -> bytes:
    size = max(1, (word.bit_length() + 7) // 8)
    return bytes([op.PUSH1 + size - 1]) + word.to_bytes(size, "big")


def statement(*operands: int, code: int) -> bytes:
    """Run an opcode on constants, the first one on top of the stack."""
    return b"".join(map(push, reversed(operands))) + bytes([code])


def keep(expression: bytes, place: int, code: int) -> bytes:
    """Put the word that `expression` leaves into memory or storage."""
    return expression + push(place) + bytes([code])


def call(opcode: int, target: int, gas: int, value: int) -> bytes:
    """Call one of the two contracts, with 32 bytes of memory in and out; keep whether it worked."""
    values = (value,) if opcode == op.CALL else ()
    to = int(CONTRACTS[target], 16)
    return keep(statement(gas, to, *values, 0, 32, 0, 32, code=opcode), 64, op.MSTORE)


def branch(condition: int | None, skipped: bytes) -> bytes:
    """Jump over some code if `condition`; PC makes the jump independent of where it stands."""
    jump = op.JUMP if condition is None else op.JUMPI
    decide = b"" if condition is None else push(condition)
    # PC, PUSH1 distance, ADD, jump, the skipped code, JUMPDEST; the distance is from the PC.
    hop = bytes([op.PC, op.PUSH1, 5 + len(skipped), op.ADD, jump])
    return decide + hop + skipped + bytes([op.JUMPDEST])


def log(topics: list[int], size: int) -> bytes:
    return statement(0, size, *topics, code=op.LOG0 + len(topics))


small = st.integers(0, 3)
sizes = st.integers(0, 70)
words = st.sampled_from(EDGES) | sizes | st.integers(0, 2**256 - 1)
expressions = st.one_of(
    words.map(push),
    st.builds(lambda a, b, code: statement(a, b, code=code), words, words, st.sampled_from(BINARY)),
    st.builds(lambda a, code: statement(a, code=code), small, st.sampled_from(UNARY)),
    st.builds(lambda code: bytes([code]), st.sampled_from(NULLARY)),
    st.builds(lambda a, b: statement(a, b, code=op.SHA3), sizes, sizes),
)
tidy = st.one_of(
    st.builds(lambda word, slot: statement(slot, word, code=op.SSTORE), small, small),
    st.builds(keep, expressions, small, st.sampled_from([op.SSTORE, op.TSTORE])),
    st.builds(keep, expressions, sizes, st.sampled_from([op.MSTORE, op.MSTORE8])),
    st.builds(
        lambda a, b, size, code: statement(a, b, size, code=code),
        sizes,
        sizes,
        sizes,
        st.sampled_from([op.MCOPY, op.CALLDATACOPY, op.CODECOPY]),
    ),
    st.builds(
        call,
        st.sampled_from([op.CALL, op.STATICCALL, op.DELEGATECALL]),
        st.integers(0, 1),
        st.sampled_from([0, 2_300, 30_000, 100_000]),
        st.sampled_from([0, 0, 1]),
    ),
    st.builds(log, st.lists(words, max_size=4), sizes),
)
branches = st.builds(branch, st.none() | small, st.lists(tidy, max_size=2).map(b"".join))
# What most often ends a program early, with an error.
rough = st.one_of(
    st.sampled_from(NO_EFFECTS).map(lambda code: bytes([code])),
    st.sampled_from([op.STOP, op.JUMP, op.SELFDESTRUCT, 0xFE]).map(lambda code: bytes([code])),
    st.builds(lambda word, code: statement(word, code=code), words, st.sampled_from(NO_EFFECTS)),
    st.binary(min_size=1, max_size=2),
)
ends = st.one_of(
    st.just(b""),
    st.builds(lambda a, b: statement(a, b, code=op.RETURN), sizes, sizes),
    st.builds(lambda a, b: statement(a, b, code=op.REVERT), sizes, sizes),
)
# Jumps to constants: where they go is known at the start of the code alone.
openings = st.sampled_from(
    [
        b"",
        bytes([op.PUSH1, 4, op.JUMP, 0xFE, op.JUMPDEST]),
        bytes([op.PUSH0, op.PUSH1, 5, op.JUMPI, op.PC, op.JUMPDEST]),
        bytes([op.PUSH1, 1, op.PUSH1, 6, op.JUMPI, 0xFE, op.JUMPDEST]),
        bytes([op.PUSH0, op.PUSH1, 6, op.JUMPI, op.PC]),
        bytes([op.PUSH1, 1, op.PUSH1, 6, op.JUMPI, op.PC]),
    ]
)
bodies = st.lists(st.one_of(tidy, tidy, tidy, branches), max_size=25).map(b"".join)
programs = st.builds(
    lambda *parts: b"".join(parts), openings, bodies, st.just(b"") | rough, bodies, ends
)


def creation(code: bytes) -> bytes:
    """Creation code that leaves `code` on the chain."""
    head = bytes([0x61]) + len(code).to_bytes(2, "big") + bytes.fromhex("80600a5f395ff3")
    return head + code
