"""What every engine has in common: calls, outcomes, limits, and how calls fill blocks.

An engine is a small `Backend` (mine, call, snapshot, revert) under the one `Engine` of engine.py,
so that packing, limits, encoding and decoding can't differ between engines.

Addresses are lower-case hex strings, as eth_abi decodes them.

What there is one of for each call or log is a named tuple: a frozen dataclass takes several times
as long to make.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeAlias

from spillway.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from spillway.engines.codec import Function

Address: TypeAlias = str

ZERO_ADDRESS: Address = "0x" + "00" * 20
CHAIN_ID = 1337
TX_GAS_LIMIT = 2**24  # EIP-7825, held on every engine whether it knows the rule or not
BLOCK_GAS_LIMIT = 300_000_000
DEFAULT_GAS = 2_000_000
READ_GAS = 2**40
SENDER_BALANCE = 10**24  # wei of each funded sender


@dataclass(frozen=True, slots=True)
class Genesis:
    """Where a chain starts: time of block 0 (seconds), gas limit of a block, funded senders."""

    timestamp: int = 1_760_000_000
    gas_limit: int = BLOCK_GAS_LIMIT
    senders: int = 64


@dataclass(frozen=True, slots=True)
class Head:
    """Number and timestamp (seconds) of the last block."""

    number: int
    timestamp: int


class Call(NamedTuple):
    """One message to a contract: to be mined in a block, or to be read at the head.

    `to` is None for a deployment, `gas` the declared limit, `label` what people call it.
    """

    sender: Address
    to: Address | None
    data: bytes
    gas: int = DEFAULT_GAS
    value: int = 0
    label: str = ""
    function: Function | None = None


class RawLog(NamedTuple):
    """A log as the EVM left it."""

    address: Address
    topics: tuple[bytes, ...]
    data: bytes


class Outcome(NamedTuple):
    """What became of a mined call.

    `output` is the returned data, which a node does not tell of what it mined, or the revert data.
    Its logs stay as the engine's EVM has them, for `read_log` to turn into ours: most are never
    looked at.
    """

    success: bool
    gas_used: int
    output: bytes
    error: str = ""  # of the EVM itself, such as "out of gas"; "" for a contract's own revert
    foreign_logs: Sequence[Any] = ()
    read_log: Callable[[Any], RawLog] = RawLog._make

    @property
    def logs(self) -> tuple[RawLog, ...]:
        """The logs, in the order in which they were written."""
        return tuple([self.read_log(each) for each in self.foreign_logs])


class Backend(Protocol):
    """One EVM. Gas, logs and outputs must be those of Ethereum's Prague rules."""

    name: str

    @property
    def head(self) -> Head:
        """The last block."""

    def mine(self, calls: Sequence[Call], timestamp: int) -> list[Outcome]:
        """Mine `calls`, in this order, as one block at `timestamp`. None of them can abort it."""

    def rehearse(
        self, calls: Sequence[Call], timestamp: int
    ) -> AbstractContextManager[list[Outcome]]:
        """Show the chain as `mine` would leave it, until the context ends. Nothing is mined."""

    def call(self, call: Call) -> Outcome:
        """Run `call` on the head's state, at its number and timestamp, and leave no trace."""

    def sender(self, index: int) -> Address:
        """The funded sender number `index`; the same address on every engine."""

    def nonce(self, address: Address) -> int:
        """Transactions that `address` has sent."""

    def balance(self, address: Address) -> int:
        """Wei of `address`."""

    def code_size(self, address: Address) -> int:
        """Bytes of code at `address`."""

    def storage_at(self, address: Address, slot: int) -> int:
        """One storage word, as an unsigned integer."""

    def snapshot(self) -> int:
        """Remember the chain as it stands; gives the token for `revert`."""

    def revert(self, token: int) -> None:
        """Go back to a snapshot; it, and those taken since, are used up."""

    def close(self) -> None:
        """Let go of what the engine holds outside of this process's memory."""


def pack(
    calls: Sequence[Call], timestamp: int, gas_limit: int
) -> Iterator[tuple[int, Sequence[Call]]]:
    """Split `calls` into blocks: (timestamp, calls) each, in order, at least one block.

    A block is full when the next call's declared gas no longer fits; the next one is 1 s later.
    Raises EngineError where a call declares more than a transaction may use.
    """
    most = min(TX_GAS_LIMIT, gas_limit)
    start, used = 0, 0
    for index, call in enumerate(calls):
        if call.gas > most:
            raise EngineError(f"{call.label}: declares {call.gas} gas, at most {most}")
        if used + call.gas > gas_limit:
            yield timestamp, calls[start:index]
            start, used, timestamp = index, 0, timestamp + 1
        used += call.gas
    yield timestamp, calls[start:]
