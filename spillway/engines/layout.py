"""Encoding and decoding of words, of structs and arrays of fixed size, and of lists of such values.

That is what all calls and events of a venue consist of but those with strings or bytes in them.
"""

from __future__ import annotations

import itertools
import operator
from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeAlias

from eth_abi.exceptions import DecodingError

from spillway.engines import words

Entry: TypeAlias = Mapping[str, Any]

WORD = 32


@dataclass(frozen=True, slots=True)
class Layout:
    """How one type is laid out.

    Attributes:
        size: Bytes, in the head where the values of a list stand side by side.
        encode: The bytes of a value; raises ValueError, TypeError, KeyError or AttributeError for
            one that does not fit.
        decode: The value that begins at a byte of some data, which must hold all of it.
        element: Bytes of each element of a list, which stands in the tail; 0 for what does not.
    """

    size: int
    encode: Callable[[Any], bytes]
    decode: Callable[[bytes, int], Any]
    element: int = 0


def layout(item: Entry) -> Layout | None:
    """The layout of an ABI entry; None where it is not one of those that are known here."""
    kind: str = item["type"]
    if not kind.endswith("]"):
        return _struct(item["components"]) if kind == "tuple" else _word(kind)
    inner = layout(element(item))
    if inner is None or inner.element:
        return None
    count = kind[kind.rindex("[") + 1 : -1]
    return _array(inner, int(count)) if count else _list(inner)


class Row:
    """Values side by side, by a layout each: the arguments of a function, or what it returns.

    Attributes:
        size: Bytes of the heads.
        places: How each value is decoded, and where its head begins.
        fixed: Whether all of them are of fixed size.
    """

    def __init__(self, layouts: Sequence[Layout]) -> None:
        self._layouts = layouts
        self._encoders = [each.encode for each in layouts]
        starts = [0, *itertools.accumulate(each.size for each in layouts)]
        self.size = starts.pop()
        self.places = [(each.decode, at) for each, at in zip(layouts, starts, strict=True)]
        self.fixed = not any(each.element for each in layouts)

    def encode(self, values: Sequence[Any]) -> bytes:
        """The heads, then the tails."""
        if len(values) != len(self._encoders):
            raise ValueError(f"{len(values)} values, not {len(self._encoders)}")
        # Half the time of a comprehension over pairs.
        parts = map(operator.call, self._encoders, values)
        if self.fixed:
            return b"".join(parts)
        heads, tails, at = [], [], self.size
        for each, part in zip(self._layouts, parts, strict=True):
            if not each.element:
                heads.append(part)
                continue
            heads.append(at.to_bytes(WORD, "big"))
            tails.append(part)
            at += len(part)
        return b"".join(heads + tails)

    def decode(self, data: bytes) -> list[Any]:
        """Decode what `encode` gave; raises DecodingError where `data` is too short."""
        if len(data) < self.size:
            raise DecodingError(f"{len(data)} bytes are too few")
        if self.fixed:
            return [decode(data, at) for decode, at in self.places]
        pairs = zip(self._layouts, self.places, strict=True)
        return [
            decode(data, _start(data, head, each.element) if each.element else head)
            for each, (decode, head) in pairs
        ]


def element(item: Entry) -> Entry:
    """Give the entry of one element of an array."""
    kind: str = item["type"]
    return {**item, "type": kind[: kind.rindex("[")]}


def fields(name: str, items: Sequence[Entry]) -> Callable[..., Any]:
    """Make the named tuple that a struct, or what a function returns, is decoded to."""
    return _named_tuple(name, tuple(item["name"] for item in items))


def members(value: Any, parts: Sequence[Entry]) -> Sequence[Any]:
    """The values in a struct that is a sequence, a mapping or a dataclass."""
    if isinstance(value, (tuple, list)):
        return value
    if isinstance(value, Mapping):
        return [value[part["name"]] for part in parts]
    if isinstance(value, Sequence):
        return value
    return [getattr(value, part["name"]) for part in parts]


def _start(data: bytes, head: int, element: int) -> int:
    """Where the list begins that the word at `head` points to; DecodingError if not all is there.

    A list's own length comes first, and so has to be there itself.
    """
    at = words.to_unsigned(data, head)
    whole = at + WORD
    if whole <= len(data):
        whole += words.to_unsigned(data, at) * element
    if whole > len(data):
        raise DecodingError(f"{len(data)} bytes are too few for a list up to {whole}")
    return at


def _word(kind: str) -> Layout | None:
    into, back = words.encoder(kind), words.decoder(kind)
    return None if into is None or back is None else Layout(WORD, into, back)


def _struct(parts: Sequence[Entry]) -> Layout | None:
    inner = [layout(part) for part in parts]
    known = [each for each in inner if each and not each.element]
    if len(known) < len(parts):
        return None
    shape = fields("Struct", parts)
    row = Row(known)
    places = row.places

    def into(value: Any) -> bytes:
        return row.encode(members(value, parts))

    def back(data: bytes, at: int) -> Any:
        return shape(*[decode(data, at + place) for decode, place in places])

    return Layout(row.size, into, back)


def _array(inner: Layout, count: int) -> Layout:
    def into(value: Any) -> bytes:
        if len(_elements(value)) != count:
            raise ValueError(f"{len(value)} elements, not {count}")
        return b"".join(map(inner.encode, value))

    def back(data: bytes, at: int) -> Any:
        return _decoded(inner, data, at, count)

    return Layout(inner.size * count, into, back)


def _list(inner: Layout) -> Layout:
    def into(value: Any) -> bytes:
        length = len(_elements(value)).to_bytes(WORD, "big")
        return b"".join([length, *map(inner.encode, value)])

    def back(data: bytes, at: int) -> Any:
        return _decoded(inner, data, at + WORD, words.to_unsigned(data, at))

    return Layout(WORD, into, back, element=inner.size)


def _decoded(inner: Layout, data: bytes, start: int, count: int) -> tuple[Any, ...]:
    places = range(start, start + count * inner.size, inner.size)
    return tuple([inner.decode(data, at) for at in places])


def _elements(value: Any) -> Sequence[Any]:
    if type(value) is list:  # what nearly all are, and far quicker to tell
        return value
    if isinstance(value, str | bytes) or not isinstance(value, Sequence):
        raise TypeError(f"{value!r} is no array")
    return value


@cache
def _named_tuple(name: str, names: tuple[str, ...]) -> Callable[..., Any]:
    return namedtuple(name, names, rename=True)  # noqa: PYI024 (fields known only at run time)
