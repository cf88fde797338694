"""Engine `revm`: a Rust EVM, driven through the Python bindings that Wake ships.

Senders sign nothing. Transactions run one after the other in a block that stands open until it is
mined; Prague's rules, slots cold again in each of them. Wake is imported when a chain starts.
"""

from __future__ import annotations

import logging
import warnings
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

from spillway.engines import accounts
from spillway.engines.protocol import (
    CHAIN_ID,
    SENDER_BALANCE,
    Address,
    Call,
    Genesis,
    Head,
    Outcome,
    RawLog,
)
from spillway.errors import BadInput, EngineError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

INSTALL = "pip install --no-deps --require-hashes -r requirements-revm.lock"

CODE_SIZE_LIMIT = 24_576  # EIP-170, which Wake's chain leaves out

# Why the EVM stopped, by the names that py-evm has for it; all kinds of "OutOfGas" are one.
_HALTS = {
    "OpcodeNotFound": "InvalidInstruction",
    "InvalidFEOpcode": "InvalidInstruction",
    "InvalidJump": "InvalidJumpDestination",
    "StackUnderflow": "InsufficientStack",
    "StackOverflow": "FullStack",
    "OutOfOffset": "OutOfBoundsRead",
    "CreateContractStartingWithEF": "ReservedBytesInCode",
}


class Revm:
    """The backend of engine `revm`."""

    name = "revm"

    def __init__(self, genesis: Genesis) -> None:
        self._genesis = genesis
        self._head = Head(0, genesis.timestamp)
        with _unchanged():
            self._wake, self._failures = _load()
            self._chain = self._wake.Chain()
            self._connection = self._chain.connect(accounts=1, chain_id=CHAIN_ID, hardfork="Prague")
            self._connection.__enter__()
        self._storage = self._chain.chain_interface.get_storage_at
        # Handles on accounts, and the addresses of handles: asked for by every call and log.
        self._account = cache(lambda address: self._wake.Account(address, self._chain))
        self._address = cache(lambda account: str(account.address).lower())
        self._snapshots: list[tuple[str, Head]] = []
        self._chain.automine = False
        self._chain.block_gas_limit = genesis.gas_limit
        for index in range(genesis.senders):
            self._account(self.sender(index)).balance = SENDER_BALANCE

    def close(self) -> None:
        self._connection.__exit__(None, None, None)

    @property
    def head(self) -> Head:
        return self._head

    def mine(self, calls: Sequence[Call], timestamp: int) -> list[Outcome]:
        declared = sum(call.gas for call in calls)
        if declared > self._chain.block_gas_limit or any(map(_may_be_refused, calls)):
            # What can't stand in a block has to be found before any of it is done.
            with self._tried():
                self._run(calls, timestamp)
        outcomes = self._run(calls, timestamp)
        self._chain.mine()
        self._head = Head(self._head.number + 1, timestamp)
        return outcomes

    @contextmanager
    def rehearse(self, calls: Sequence[Call], timestamp: int) -> Iterator[list[Outcome]]:
        before = self.snapshot()
        limit = self._genesis.gas_limit
        # Calls that would fill several blocks have to fit into this one.
        self._chain.block_gas_limit = max(limit, sum(call.gas for call in calls))
        try:
            yield self.mine(calls, timestamp)
        finally:
            self.revert(before)
            self._chain.block_gas_limit = limit

    def call(self, call: Call) -> Outcome:
        """Run `call` on the head's state, with the gas of a whole block at most.

        The gas that it takes is not told. Raises EngineError for value that the sender lacks.
        """
        if call.to is None:
            raise ValueError("a deployment can't be read")
        try:
            output = self._account(call.to).call(
                call.data,
                call.value,
                self._account(call.sender),
                min(call.gas, self._genesis.gas_limit),
            )
        except self._failures as failure:
            return Outcome(False, 0, *_failure(failure))
        except RuntimeError as error:
            raise EngineError(f"{call.label}: {error}") from error
        return Outcome(True, 0, bytes(output))

    def sender(self, index: int) -> Address:
        if not 0 <= index < self._genesis.senders:
            raise EngineError(f"sender {index}: the chain has {self._genesis.senders}")
        return accounts.sender(index).address

    def nonce(self, address: Address) -> int:
        return int(self._account(address).nonce)

    def balance(self, address: Address) -> int:
        return int(self._account(address).balance)

    def code_size(self, address: Address) -> int:
        return len(self._account(address).code)

    def storage_at(self, address: Address, slot: int) -> int:
        return int.from_bytes(self._storage(address, slot), "big")

    def snapshot(self) -> int:
        self._snapshots.append((self._chain.snapshot(), self._head))
        return len(self._snapshots) - 1

    def revert(self, token: int) -> None:
        before, self._head = self._snapshots[token]
        del self._snapshots[token:]
        self._chain.revert(before)

    @contextmanager
    def _tried(self) -> Iterator[None]:
        """Undo what is done in the context.

        Snapshots are always reverted to, and so used up: each one that is left behind makes every
        later access to storage slower.
        """
        before = self._chain.snapshot()
        try:
            yield
        finally:
            self._chain.revert(before)

    def _run(self, calls: Sequence[Call], timestamp: int) -> list[Outcome]:
        """Run `calls` in the open block."""
        self._chain.set_next_block_timestamp(timestamp)
        try:
            return [self._send(call, call.to) if call.to else self._deploy(call) for call in calls]
        except RuntimeError as error:
            raise EngineError(f"a call can't stand in a block: {error}") from error

    def _send(self, call: Call, to: Address) -> Outcome:
        account = self._account
        try:
            # By position (data, value, sender, gas, gas price): names cost a tenth of a transfer.
            done = account(to).transact(call.data, call.value, account(call.sender), call.gas, 0)
        except self._failures as failure:
            return self._failed(failure.tx)
        return self._done(done, done.raw_return_value)

    def _deploy(self, call: Call) -> Outcome:
        with self._tried():
            too_large = len(self._create(call).output) > CODE_SIZE_LIMIT
        if not too_large:
            return self._create(call)
        self._account(call.sender).nonce += 1
        return Outcome(False, call.gas, b"", "out of gas")

    def _create(self, call: Call) -> Outcome:
        try:
            done = self._chain.deploy(
                call.data,
                return_tx=True,
                from_=self._account(call.sender),
                value=call.value,
                gas_limit=call.gas,
                gas_price=0,
            )
        except self._failures as failure:
            return self._failed(failure.tx)
        return self._done(done, bytes(done.raw_return_value.code))

    def _done(self, transaction: Any, output: bytes) -> Outcome:
        logs = transaction.raw_events
        return Outcome(True, transaction.gas_used, output, "", logs, self._log)

    def _failed(self, transaction: Any) -> Outcome:
        return Outcome(False, transaction.gas_used, *_failure(transaction.raw_error))

    def _log(self, event: Any) -> RawLog:
        return RawLog(self._address(event.origin), tuple(event.topics), event.data)


def _may_be_refused(call: Call) -> bool:
    """Say whether `call` may turn out not to stand in a block: no call of a venue does.

    To begin costs at most 53,000 gas, and 40 a byte of data (16 and a floor of 40).
    """
    return call.value > 0 or call.gas < 53_000 + 42 * len(call.data)


def _failure(error: Any) -> tuple[bytes, str]:
    """Give output and error of what failed: a revert has data, a halt only a message."""
    data = getattr(error, "data", None)
    if data is not None:
        return bytes(data), ""
    kind = error.message.partition("(")[0]
    return b"", "out of gas" if kind == "OutOfGas" else _HALTS.get(kind, kind)


def _load() -> tuple[Any, Any]:
    """Import Wake's bindings: the module, and what a transaction that fails raises.

    Of Wake's configuration (none is read from files) one thing matters here: unless it keeps the
    history of all blocks, a snapshot can't be reverted to after 256 of them.
    """
    try:
        import wake_rs
        from wake.config import WakeConfig
        from wake.development import errors
        from wake.development import globals as settings
    except ImportError as error:
        allowed = f"once Wake is there: {INSTALL}"
        raise BadInput("command line", "--engine", "revm", allowed) from error
    settings.set_config(WakeConfig.fromdict({"testing": {"block_history": None}}))
    return wake_rs, (errors.RevertError, errors.Halt)


@contextmanager
def _unchanged() -> Iterator[None]:
    """Leave logging and warnings of the process as they were: what Wake imports sets up its own."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    try:
        with warnings.catch_warnings():
            # Wake's own sources warn of an escape, once, when they are compiled.
            warnings.simplefilter("ignore", SyntaxWarning)
            warnings.simplefilter("ignore", DeprecationWarning)  # what it is before Python 3.12
            yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
