"""A faster loop for py-evm's computations: decoded once, charged by the block, integers only.

py-evm looks each opcode up, charges it and moves its operands through typed stacks one at a time.
Here the code is decoded once into instructions; runs of plain opcodes are charged together, a
constant that is pushed to be used at once is one instruction with its user, and the stack holds
integers alone. What has effects beyond the frame (calls, logs, creation) is py-evm's own logic.

Charging a run at its start is sound because its opcodes touch only what dies with the frame: had
the gas run out in the middle, nothing of the frame would be left either. Opcodes that look at the
remaining gas are never inside a run.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from eth.constants import GAS_CALLSTIPEND, GAS_COPY, GAS_SHA3WORD
from eth.exceptions import (
    FullStack,
    Halt,
    InsufficientStack,
    InvalidJumpDestination,
    OutOfGas,
    WriteProtection,
)
from eth.vm import opcode_values as op
from eth.vm.forks.berlin.constants import COLD_SLOAD_COST, WARM_STORAGE_READ_COST
from eth.vm.forks.london.storage import GAS_SCHEDULE_EIP3529 as PRICES
from eth.vm.forks.prague.computation import PragueComputation
from eth.vm.logic.invalid import InvalidOpcode
from eth.vm.stack import Stack

from spillway.engines.hashing import keccak

if TYPE_CHECKING:
    from collections.abc import Callable

    from eth.abc import ComputationAPI, MessageAPI, StateAPI, TransactionContextAPI

WORD = 2**256
MASK = WORD - 1
SIGN = 2**255
STACK_LIMIT = 1024


# Kinds of instruction, in the order in which the loop looks for them.
PUSH, BINARY, DUP, SWAP, LOAD_AT, STORE_AT, CHARGE, JUMP_IF_TO, JUMP_TO, POP, JUMP, UNARY = range(
    12
)
LOAD, STORE, SLOAD, KECCAK, FRAME, CALLDATA, JUMP_IF, COPY, OTHER = range(12, 21)

Instruction = tuple[int, Any]


class Program(NamedTuple):
    """Decoded code: its instructions, and where in them each JUMPDEST stands."""

    instructions: list[Instruction]
    destinations: dict[int, int]


def _signed(word: int) -> int:
    return word - WORD if word & SIGN else word


def _sdiv(a: int, b: int) -> int:
    if b == 0:
        return 0
    a, b = _signed(a), _signed(b)
    quotient = abs(a) // abs(b)
    return (quotient if (a < 0) == (b < 0) else -quotient) & MASK


def _smod(a: int, b: int) -> int:
    if b == 0:
        return 0
    a, b = _signed(a), _signed(b)
    rest = abs(a) % abs(b)
    return (-rest if a < 0 else rest) & MASK


def _signextend(size: int, word: int) -> int:
    if size > 30:
        return word
    bit = 8 * size + 7
    low = word & ((1 << (bit + 1)) - 1)
    return low | (MASK ^ ((1 << bit) - 1)) if word >> bit & 1 else low


BINARIES: dict[int, Callable[[int, int], int]] = {
    op.ADD: lambda a, b: (a + b) & MASK,
    op.MUL: lambda a, b: a * b & MASK,
    op.SUB: lambda a, b: (a - b) & MASK,
    op.DIV: lambda a, b: a // b if b else 0,
    op.SDIV: _sdiv,
    op.MOD: lambda a, b: a % b if b else 0,
    op.SMOD: _smod,
    op.SIGNEXTEND: _signextend,
    op.LT: lambda a, b: 1 if a < b else 0,
    op.GT: lambda a, b: 1 if a > b else 0,
    op.SLT: lambda a, b: 1 if a ^ SIGN < b ^ SIGN else 0,
    op.SGT: lambda a, b: 1 if a ^ SIGN > b ^ SIGN else 0,
    op.EQ: lambda a, b: 1 if a == b else 0,
    op.AND: lambda a, b: a & b,
    op.OR: lambda a, b: a | b,
    op.XOR: lambda a, b: a ^ b,
    op.BYTE: lambda a, b: b >> 8 * (31 - a) & 0xFF if a < 32 else 0,
    op.SHL: lambda a, b: b << a & MASK if a < 256 else 0,
    op.SHR: lambda a, b: b >> a if a < 256 else 0,
    op.SAR: lambda a, b: _signed(b) >> min(a, 256) & MASK,
}

UNARIES: dict[int, Callable[[int], int]] = {
    op.ISZERO: lambda a: 0 if a else 1,
    op.NOT: lambda a: a ^ MASK,
}

# What a frame knows about itself and its block, as one word.
FRAMES: dict[int, Callable[[Any], int]] = {
    op.ADDRESS: lambda c: int.from_bytes(c.msg.storage_address, "big"),
    op.ORIGIN: lambda c: int.from_bytes(c.transaction_context.origin, "big"),
    op.CALLER: lambda c: int.from_bytes(c.msg.sender, "big"),
    op.CALLVALUE: lambda c: c.msg.value,
    op.CALLDATASIZE: lambda c: len(c.msg.data),
    op.RETURNDATASIZE: lambda c: len(c.return_data),
    op.TIMESTAMP: lambda c: c.state.timestamp,
    op.NUMBER: lambda c: c.state.block_number,
}

# The other plain opcodes: what they are here, and how far they move the top of the stack.
PLAIN = {
    op.POP: (POP, -1),
    op.JUMP: (JUMP, -1),
    op.JUMPI: (JUMP_IF, -2),
    op.MLOAD: (LOAD, 0),
    op.MSTORE: (STORE, -2),
    op.SLOAD: (SLOAD, 0),
    op.SHA3: (KECCAK, -1),
    op.MCOPY: (COPY, -3),
    op.CALLDATALOAD: (CALLDATA, 0),
}

# What takes a constant straight from the PUSH before it.
FUSED = {LOAD: LOAD_AT, STORE: STORE_AT, JUMP: JUMP_TO, JUMP_IF: JUMP_IF_TO}


@lru_cache(maxsize=512)
def decode(code: bytes) -> Program:
    """Turn bytecode into instructions."""
    decoder = _Decoder()
    position = 0
    while position < len(code):
        position = decoder.take(code, position)
    decoder.other(op.STOP)
    return decoder.program()


class _Decoder:
    """Collects instructions, a run of plain ones at a time."""

    def __init__(self) -> None:
        self._done: list[Instruction] = []
        self._destinations: dict[int, int] = {}
        self._run: list[Instruction] = []
        self._gas = self._height = self._highest = 0

    def take(self, code: bytes, position: int) -> int:  # noqa: C901 (one branch a kind)
        """Decode the opcode at `position`; give the position of the next one."""
        opcode = code[position]
        if op.PUSH1 <= opcode <= op.PUSH32:
            size = opcode - op.PUSH1 + 1
            word = code[position + 1 : position + 1 + size].ljust(size, b"\0")
            self._plain(opcode, PUSH, int.from_bytes(word, "big"), 1)
            return position + 1 + size
        if opcode == op.JUMPDEST:
            self._close()
            self._destinations[position] = len(self._done)
            self._charge(opcode, 0)
        elif opcode == op.PUSH0:
            self._plain(opcode, PUSH, 0, 1)
        elif opcode == op.PC:
            self._plain(opcode, PUSH, position, 1)
        elif op.DUP1 <= opcode <= op.DUP16:
            self._plain(opcode, DUP, op.DUP1 - opcode - 1, 1)
        elif op.SWAP1 <= opcode <= op.SWAP16:
            self._plain(opcode, SWAP, op.SWAP1 - opcode - 2, 0)
        elif opcode in BINARIES:
            self._plain(opcode, BINARY, BINARIES[opcode], -1)
        elif opcode in UNARIES:
            self._plain(opcode, UNARY, UNARIES[opcode], 0)
        elif opcode in FRAMES:
            self._plain(opcode, FRAME, FRAMES[opcode], 1)
        elif opcode in PLAIN:
            kind, move = PLAIN[opcode]
            self._plain(opcode, kind, None, move)
        else:
            self.other(opcode)
        return position + 1

    def other(self, opcode: int) -> None:
        """Leave an opcode to py-evm, which also charges it."""
        self._close()
        known = _sstore if opcode == op.SSTORE else PragueComputation.opcodes.get(opcode)
        self._done.append((OTHER, known or InvalidOpcode(opcode)))

    def program(self) -> Program:
        """The result, with the targets of constant jumps looked up."""
        found = self._destinations.get
        instructions = [
            (kind, found(arg) if kind in {JUMP_TO, JUMP_IF_TO} else arg) for kind, arg in self._done
        ]
        return Program(instructions, self._destinations)

    def _plain(self, opcode: int, kind: int, arg: Any, move: int) -> None:
        self._charge(opcode, move)
        if kind in FUSED and self._run and self._run[-1][0] == PUSH:
            self._run[-1] = (FUSED[kind], self._run[-1][1])
        else:
            self._run.append((kind, arg))
        if kind in {JUMP, JUMP_IF}:
            self._close()

    def _charge(self, opcode: int, move: int) -> None:
        known: Any = PragueComputation.opcodes[opcode]
        self._gas += known.gas_cost
        self._height += move
        self._highest = max(self._highest, self._height)

    def _close(self) -> None:
        """End the run: its gas and its highest stack go in front of it."""
        if self._gas:
            room = STACK_LIMIT - self._highest
            self._done += ((CHARGE, (self._gas, room)), *self._run)
        self._run = []
        self._gas = self._height = self._highest = 0


class WordStack(Stack):
    """py-evm's stack with integers alone, for its opcodes and for the loop below."""

    __slots__ = ()

    def push_bytes(self, value: bytes) -> None:
        """Push big-endian bytes as the integer that they stand for."""
        self.push_int(int.from_bytes(value, "big"))


class FastComputation(PragueComputation):
    """Prague's computation with the loop below."""

    def __init__(
        self, state: StateAPI, message: MessageAPI, transaction_context: TransactionContextAPI
    ) -> None:
        super().__init__(state, message, transaction_context)
        self._stack = WordStack()

    def extend_memory(self, start_position: int, size: int) -> None:
        """Charge for memory that is new; most of it is not."""
        if size and start_position + size > len(self._memory):
            super().extend_memory(start_position, size)

    @classmethod
    def apply_computation(
        cls,
        state: StateAPI,
        message: MessageAPI,
        transaction_context: TransactionContextAPI,
        parent_computation: ComputationAPI | None = None,
    ) -> ComputationAPI:
        """Run a message's code, as in py-evm but for the loop."""
        with cls(state, message, transaction_context) as computation:
            if parent_computation is None:
                computation.contracts_created = []
                if message.is_create:
                    cls.consume_initcode_gas_cost(computation)
            else:
                computation.contracts_created = parent_computation.contracts_created
            if message.is_create:
                computation.contracts_created.append(message.storage_address)
            precompile = computation.precompiles.get(message.code_address)
            if precompile is None:
                _run(computation)
            elif not message.is_delegation:
                precompile(computation)
        return computation


def _run(computation: Any) -> None:
    try:
        _loop(computation)
    except Halt:
        pass
    except IndexError:
        raise InsufficientStack("the stack has too few items") from None


def _loop(computation: Any) -> None:  # noqa: C901, PLR0912, PLR0915 (one branch for each kind)
    instructions, destinations = decode(computation.msg.code)
    stack: list[int] = computation._stack.values
    meter = computation._gas_meter
    memory = computation._memory._bytes
    push, pop = stack.append, stack.pop
    data = bytes(computation.msg.data)
    address = computation.msg.storage_address
    accounts = computation.state.accounts
    index = 0
    while True:
        kind, arg = instructions[index]
        index += 1
        if kind == PUSH:
            push(arg)
        elif kind == BINARY:
            top = pop()
            stack[-1] = arg(top, stack[-1])
        elif kind == DUP:
            push(stack[arg])
        elif kind == SWAP:
            stack[-1], stack[arg] = stack[arg], stack[-1]
        elif kind == LOAD_AT:
            if arg + 32 > len(memory):
                memory = _extend(computation, arg)
            push(int.from_bytes(memory[arg : arg + 32], "big"))
        elif kind == STORE_AT:
            if arg + 32 > len(memory):
                memory = _extend(computation, arg)
            memory[arg : arg + 32] = pop().to_bytes(32, "big")
        elif kind == CHARGE:
            gas, room = arg
            if meter.gas_remaining < gas:
                raise OutOfGas("out of gas in a run of plain opcodes")
            meter.gas_remaining -= gas
            if len(stack) > room:
                raise FullStack("the stack has too many items")
        elif kind == JUMP_IF_TO:
            if pop():
                if arg is None:
                    raise InvalidJumpDestination("jump to no JUMPDEST")
                index = arg
        elif kind == JUMP_TO:
            if arg is None:
                raise InvalidJumpDestination("jump to no JUMPDEST")
            index = arg
        elif kind == POP:
            pop()
        elif kind == JUMP:
            index = _target(destinations, pop())
        elif kind == UNARY:
            stack[-1] = arg(stack[-1])
        elif kind == LOAD:
            start = stack[-1]
            if start + 32 > len(memory):
                memory = _extend(computation, start)
            stack[-1] = int.from_bytes(memory[start : start + 32], "big")
        elif kind == STORE:
            start = pop()
            if start + 32 > len(memory):
                memory = _extend(computation, start)
            memory[start : start + 32] = pop().to_bytes(32, "big")
        elif kind == SLOAD:
            slot = stack[-1]
            cold = accounts.warm_up((address, slot))
            computation.consume_gas(COLD_SLOAD_COST if cold else WARM_STORAGE_READ_COST, "SLOAD")
            stack[-1] = accounts.get_storage(address, slot)
        elif kind == KECCAK:
            start, size = pop(), stack[-1]
            computation.extend_memory(start, size)
            computation.consume_gas(GAS_SHA3WORD * ((size + 31) // 32), "SHA3")
            memory = computation._memory._bytes
            stack[-1] = _keccak(bytes(memory[start : start + size]))
        elif kind == FRAME:
            push(arg(computation))
        elif kind == CALLDATA:
            start = stack[-1]
            stack[-1] = int.from_bytes(data[start : start + 32].ljust(32, b"\0"), "big")
        elif kind == COPY:
            target, start, size = pop(), pop(), pop()
            if max(target, start) + size > len(memory):
                computation.extend_memory(max(target, start), size)
                memory = computation._memory._bytes
            gas = GAS_COPY * ((size + 31) // 32)
            if meter.gas_remaining < gas:
                raise OutOfGas("out of gas in a copy within memory")
            meter.gas_remaining -= gas
            memory[target : target + size] = memory[start : start + size]
        elif kind == JUMP_IF:
            position = pop()
            if pop():
                index = _target(destinations, position)
        else:
            arg(computation=computation)
            memory = computation._memory._bytes


def _sstore(computation: Any) -> None:
    """Store a word: the price of EIP-2200, 2929 and 3529, without py-evm's message for its log."""
    if computation.msg.is_static:
        raise WriteProtection("a static call can't store")
    slot, value = computation.stack_pop_ints(2)
    if computation.get_gas_remaining() <= GAS_CALLSTIPEND:
        raise OutOfGas("less gas than the stipend of a transfer")
    address, accounts, price = computation.msg.storage_address, computation.state.accounts, PRICES
    current = accounts.get_storage(address, slot)
    original = accounts.get_storage(address, slot, from_journal=False)
    refund = 0
    if current == value or original != current:
        gas = price.sload_gas
    else:
        gas = price.sstore_reset_gas if original else price.sstore_set_gas
    if current != value:
        if original:
            refund += price.sstore_clears_schedule * ((value == 0) - (current == 0))
        if original != current and original == value:
            refund += (
                price.sstore_reset_gas if original else price.sstore_set_gas
            ) - price.sload_gas
    if accounts.warm_up((address, slot)):
        gas += COLD_SLOAD_COST
    computation.consume_gas(gas, "SSTORE")
    if refund:
        computation.refund_gas(refund)
    accounts.set_storage(address, slot, value)


def _extend(computation: Any, start: int) -> bytearray:
    """Charge for memory up to the word at `start`; give the memory, which may have moved."""
    computation.extend_memory(start, 32)
    memory: bytearray = computation._memory._bytes
    return memory


def _target(destinations: dict[int, int], position: int) -> int:
    index = destinations.get(position)
    if index is None:
        raise InvalidJumpDestination(f"jump to {position}, no JUMPDEST")
    return index


@lru_cache(maxsize=2**16)
def _keccak(data: bytes) -> int:
    """A hash map asks for the same slots again and again."""
    return int.from_bytes(keccak(data), "big")
