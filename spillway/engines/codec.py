"""ABI encoding and decoding, with one codec per function and event, made once.

Structs go in as tuples, dicts or dataclasses and come out as named tuples.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from eth_abi.abi import decode as abi_decode
from eth_abi.abi import encode as abi_encode
from eth_abi.exceptions import DecodingError, EncodingError

from spillway.engines import layout
from spillway.engines.hashing import keccak
from spillway.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spillway.build import Artifact
    from spillway.engines.layout import Entry
    from spillway.engines.protocol import RawLog

ERROR_SELECTOR = keccak(b"Error(string)")[:4]
PANIC_SELECTOR = keccak(b"Panic(uint256)")[:4]


class Event:
    """A log that a known event explains, decoded when its fields are first asked for.

    Attributes:
        kind: The codec of the event.
        log: As the EVM left it.
        name: Of the event.
    """

    __slots__ = ("_args", "kind", "log", "name")

    def __init__(self, kind: EventCodec, log: RawLog) -> None:
        self.kind = kind
        self.log = log
        self.name = kind.name
        self._args: Any = None

    @property
    def address(self) -> str:
        """Who wrote it."""
        return self.log.address

    @property
    def contract(self) -> str:
        """Name of the contract that wrote it."""
        return self.kind.contract

    @property
    def args(self) -> Any:
        """Its fields as a named tuple, in the order of the declaration."""
        if self._args is None:
            self._args = self.kind.decode(self.log)
        return self._args

    def __str__(self) -> str:
        fields = ", ".join(f"{key}={value}" for key, value in self.args._asdict().items())
        return f"{self.contract}.{self.name}({fields})"


class Function:
    """One function of a contract: encodes its arguments and decodes what it returns."""

    def __init__(self, contract: str, entry: Entry) -> None:
        self.name: str = entry.get("name", "__init__")
        self.label = f"{contract}.{self.name}"
        self._inputs = _Values(entry["inputs"])
        self._outputs = _Values(entry.get("outputs", ()))
        self._selector = b""
        if entry["type"] == "function":
            self._selector = keccak(f"{self.name}{self._inputs.signature}".encode())[:4]
        outputs = self._outputs.items
        named = len(outputs) > 1 and all(item["name"] for item in outputs)
        self._shape = layout.fields(self.name, outputs) if named else None

    def encode(self, args: Sequence[Any]) -> bytes:
        """Call data for `args`. Raises EngineError where they don't fit."""
        if len(args) != len(self._inputs.items):
            raise EngineError(f"{self.label} takes {len(self._inputs.items)}, got {len(args)}")
        try:
            return self._selector + self._inputs.encode(args)
        except (EncodingError, ValueError, TypeError, AttributeError, KeyError) as error:
            raise EngineError(f"{self.label}{tuple(args)}: {error}") from error

    def arguments(self, data: bytes) -> Sequence[Any]:
        """Decode the calldata of a call."""
        return self._inputs.decode(data[4:])

    def decode(self, data: bytes) -> Any:
        """Decode what the function returned: nothing, one value, or a tuple."""
        try:
            values = self._outputs.decode(data)
        except DecodingError as error:
            raise EngineError(f"{self.label} returned {data.hex() or 'no data'}") from error
        if len(values) > 1:
            return self._shape(*values) if self._shape else tuple(values)
        return values[0] if values else None


class EventCodec:
    """One event of a contract.

    Attributes:
        contract: Its name.
        name: Of the event.
        items: The ABI entries of its fields.
        topic: The first topic of its logs.
        topics: Field -> its place among the topics, for those that are indexed.
    """

    def __init__(self, contract: str, entry: Entry) -> None:
        self.contract = contract
        self.name: str = entry["name"]
        self.items: Sequence[Entry] = entry["inputs"]
        indexed = [item for item in self.items if item["indexed"]]
        plain = [item for item in self.items if not item["indexed"]]
        self.topics = {item["name"]: place for place, item in enumerate(indexed, 1)}
        self._indexed, self._plain = _Values(indexed), _Values(plain)
        # Fields come indexed ones first; this puts them back into the order of the declaration.
        order = [*indexed, *plain]
        self._order = [order.index(item) for item in self.items]
        self._shape = layout.fields(self.name, self.items)
        self.topic = keccak(f"{self.name}{_Values(self.items).signature}".encode())

    def decode(self, log: RawLog) -> Any:
        """The fields of `log`, which this event's topic is on."""
        values = self._indexed.decode(b"".join(log.topics[1:])) + self._plain.decode(log.data)
        return self._shape(*[values[index] for index in self._order])


class Interface:
    """The functions and events of a contract, by name and by topic.

    A function with default arguments is the one that takes them all.
    """

    def __init__(self, artifact: Artifact) -> None:
        self.name = artifact.name
        self.functions: dict[str, Function] = {}
        self.events: dict[bytes, EventCodec] = {}
        self.constructor = Function(self.name, {"type": "constructor", "inputs": ()})
        for entry in artifact.abi:
            if entry["type"] == "function":
                self.functions[entry["name"]] = Function(self.name, entry)
            elif entry["type"] == "event":
                event = EventCodec(self.name, entry)
                self.events[event.topic] = event
            elif entry["type"] == "constructor":
                self.constructor = Function(self.name, entry)


def reason(output: bytes, error: str) -> str:
    """Say why a call failed: the contract's string, a panic code, or the EVM's own error."""
    if output[:4] == ERROR_SELECTOR:
        return str(abi_decode(["string"], output[4:])[0])
    if output[:4] == PANIC_SELECTOR:
        return f"panic 0x{int.from_bytes(output[4:36], 'big'):02x}"
    return error or (f"0x{output.hex()}" if output else "")


class _Values:
    """A list of ABI values: the arguments of a function, or what it returns."""

    def __init__(self, items: Sequence[Entry]) -> None:
        self.items = items
        self._types = [_type(item) for item in items]
        self.signature = f"({','.join(self._types)})"
        layouts = [layout.layout(item) for item in items]
        known = [each for each in layouts if each]
        self._row = layout.Row(known) if len(known) == len(items) else None
        self.encode = self._row.encode if self._row else self._encode_by_eth_abi

    def _encode_by_eth_abi(self, values: Sequence[Any]) -> bytes:
        plain = [_plain(item, value) for item, value in zip(self.items, values, strict=True)]
        return abi_encode(self._types, plain)

    def decode(self, data: bytes) -> list[Any]:
        row = self._row
        if row:
            # eth_abi can't be relied on here: importing Ape makes it read nothing as 0. Without
            # lists, nothing may follow.
            if row.fixed and len(data) != row.size:
                raise DecodingError(f"{len(data)} bytes, not {row.size}")
            return row.decode(data)
        values = abi_decode(self._types, data)
        return [_shaped(item, value) for item, value in zip(self.items, values, strict=True)]


def _type(item: Entry) -> str:
    """Give the canonical ABI type: structs spelled out as tuples."""
    kind: str = item["type"]
    if not kind.startswith("tuple"):
        return kind
    inner = ",".join(_type(part) for part in item["components"])
    return f"({inner}){kind.removeprefix('tuple')}"


def _plain(item: Entry, value: Any) -> Any:
    """Turn the structs in `value` into the tuples that eth_abi takes."""
    if "components" not in item:
        return value
    if item["type"].endswith("]"):
        return [_plain(layout.element(item), each) for each in value]
    parts = item["components"]
    pairs = zip(parts, layout.members(value, parts), strict=True)
    return tuple(_plain(part, each) for part, each in pairs)


def _shaped(item: Entry, value: Any) -> Any:
    """Turn the structs in `value` into named tuples."""
    if "components" not in item:
        return value
    if item["type"].endswith("]"):
        return tuple(_shaped(layout.element(item), each) for each in value)
    parts = item["components"]
    values = (_shaped(part, each) for part, each in zip(parts, value, strict=True))
    return layout.fields("Struct", parts)(*values)
