"""The engine that everything else uses: blocks of calls in, receipts out."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from spillway.engines import codec
from spillway.engines.accounts import create_address
from spillway.engines.contract import Contract
from spillway.engines.protocol import (
    BLOCK_GAS_LIMIT,
    READ_GAS,
    TX_GAS_LIMIT,
    Address,
    Backend,
    Call,
    Head,
    Outcome,
    RawLog,
    pack,
)
from spillway.errors import EngineError, Reverted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from spillway.build import Artifact


class Receipt(NamedTuple):
    """What became of one call of a block; `registry` holds the interfaces that explain its logs."""

    label: str
    outcome: Outcome
    block: int
    timestamp: int
    registry: dict[Address, codec.Interface]

    @property
    def success(self) -> bool:
        """Whether it was done, and not refused."""
        return self.outcome.success

    @property
    def gas_used(self) -> int:
        """Gas, after refunds."""
        return self.outcome.gas_used

    @property
    def reason(self) -> str:
        """Why it was refused; "" where it succeeded, or where the contract gave none."""
        outcome = self.outcome
        return "" if outcome.success else codec.reason(outcome.output, outcome.error)

    @property
    def logs(self) -> tuple[RawLog, ...]:
        """The logs, in the order in which they were written."""
        return self.outcome.logs

    @property
    def events(self) -> tuple[codec.Event, ...]:
        """The logs as events; EngineError for one that no contract we know has written."""
        return tuple([self._event(log) for log in self.logs])

    def named(self, name: str) -> list[Any]:
        """The fields of each event called `name`."""
        return [event.args for event in self.events if event.name == name]

    def _event(self, log: RawLog) -> codec.Event:
        interface = self.registry.get(log.address)
        kind = interface.events.get(log.topics[0]) if interface and log.topics else None
        if kind is None:
            raise EngineError(f"{self.label}: a log of {log.address} that no known event explains")
        return codec.Event(kind, log)


@dataclass(frozen=True, slots=True)
class BlockResult:
    """The receipts of a block of calls, in order, and the head once all of them are mined."""

    receipts: tuple[Receipt, ...]
    head: Head

    @property
    def gas_used(self) -> int:
        """Gas of all calls together."""
        return sum(receipt.gas_used for receipt in self.receipts)


class Engine:
    """One backend behind the rules that hold on every engine."""

    def __init__(self, backend: Backend, gas_limit: int = BLOCK_GAS_LIMIT) -> None:
        self.backend = backend
        self.gas_limit = gas_limit
        self._registry: dict[Address, codec.Interface] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.backend.close()

    @property
    def name(self) -> str:
        """The backend's name, as in `--engine`."""
        return self.backend.name

    @property
    def head(self) -> Head:
        """Number and timestamp of the last block."""
        return self.backend.head

    def sender(self, index: int) -> Address:
        """The funded sender number `index`; the same address on every engine."""
        return self.backend.sender(index)

    def deploy(self, artifact: Artifact, *args: Any, sender: Address) -> Contract:
        """Deploy in a block of its own; raises Reverted where the constructor refuses."""
        interface = codec.Interface(artifact)
        data = artifact.bytecode + interface.constructor.encode(args)
        address = create_address(sender, self.backend.nonce(sender))
        label = interface.constructor.label
        receipt = self.send(Call(sender, None, data, gas=TX_GAS_LIMIT, label=label))
        if not receipt.success:
            raise Reverted(receipt.reason, label)
        return self.attach(artifact, address)

    def attach(self, artifact: Artifact, address: Address) -> Contract:
        """Give a handle on a contract that stands at `address`; its events are decoded from now."""
        interface = codec.Interface(artifact)
        self._registry[address] = interface
        return Contract(self, interface, address)

    def send(self, call: Call, timestamp: int | None = None) -> Receipt:
        """Mine one call as a block, 1 s after the head unless told when."""
        when = self.head.timestamp + 1 if timestamp is None else timestamp
        return self.send_block([call], when).receipts[0]

    def send_block(self, calls: Sequence[Call], timestamp: int) -> BlockResult:
        """Mine `calls` in this order at `timestamp` (seconds, later than the head's).

        Calls that don't fit into one block go on in further ones, 1 s apart. A call that reverts
        is in the receipts with its reason; it never aborts the block.
        """
        if timestamp <= self.head.timestamp:
            raise EngineError(f"timestamp {timestamp} is not after {self.head.timestamp}")
        receipts: list[Receipt] = []
        for when, part in list(pack(calls, timestamp, self.gas_limit)):
            outcomes = self.backend.mine(part, when)
            number = self.head.number
            receipts += self._receipts(part, outcomes, number, when)
        return BlockResult(tuple(receipts), self.head)

    @contextmanager
    def rehearse(self, calls: Sequence[Call], timestamp: int) -> Iterator[BlockResult]:
        """Show the chain as it would be after `calls`, and leave no trace once the context ends.

        They run as one block at `timestamp`, whatever gas they declare; reads see what they wrote.
        """
        with self.backend.rehearse(calls, timestamp) as outcomes:
            head = self.head
            receipts = self._receipts(calls, outcomes, head.number, timestamp)
            yield BlockResult(tuple(receipts), head)

    def read(self, call: Call) -> Any:
        """What `call` returns on the head's state; raises Reverted where it refuses.

        However much gas `call` declares, a read may use what it needs.
        """
        outcome = self.backend.call(call._replace(gas=READ_GAS))
        if not outcome.success:
            raise Reverted(codec.reason(outcome.output, outcome.error), call.label)
        return call.function.decode(outcome.output) if call.function else outcome.output

    def read_many(self, calls: Sequence[Call]) -> list[Any]:
        """`read` of each call, in order."""
        return [self.read(call) for call in calls]

    def storage_at(self, address: Address, slot: int) -> int:
        """One storage word, as an unsigned integer."""
        return self.backend.storage_at(address, slot)

    def snapshot(self) -> int:
        """Remember the chain as it stands; gives the token for `revert`."""
        return self.backend.snapshot()

    def revert(self, token: int) -> None:
        """Go back to a snapshot; it, and those taken since, are used up."""
        self.backend.revert(token)

    def _receipts(
        self, calls: Sequence[Call], outcomes: Sequence[Outcome], number: int, timestamp: int
    ) -> list[Receipt]:
        registry, pairs = self._registry, list(zip(calls, outcomes, strict=True))
        for call, outcome in pairs:
            used = outcome.gas_used
            if used > TX_GAS_LIMIT:
                raise EngineError(f"{call.label}: used {used} gas, at most {TX_GAS_LIMIT}")
        return [
            Receipt(call.label, outcome, number, timestamp, registry) for call, outcome in pairs
        ]
