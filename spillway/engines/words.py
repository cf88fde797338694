"""Encoding and decoding of values that are one word each."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


_RANGES = {
    **{f"uint{bits}": (0, 2**bits - 1) for bits in range(8, 257, 8)},
    **{f"int{bits}": (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) for bits in range(8, 257, 8)},
}


def encoder(kind: str) -> Callable[[Any], bytes] | None:
    """What encodes a value of type `kind`; None where such a value is not one word.

    It raises ValueError or TypeError for a value that does not fit.
    """
    if kind in _RANGES:
        return _integers(kind, *_RANGES[kind])
    others: dict[str, Callable[[Any], bytes]]
    others = {"bool": _bool, "address": _address, "bytes32": _bytes32}
    return others.get(kind)


def decoder(kind: str) -> Callable[[bytes, int], Any] | None:
    """What decodes the word of type `kind` that begins at a byte of some data; None likewise."""
    if kind in _RANGES:
        return _to_signed if kind.startswith("int") else to_unsigned
    others: dict[str, Callable[[bytes, int], Any]]
    others = {"bool": _to_bool, "address": _to_address, "bytes32": _to_bytes32}
    return others.get(kind)


def to_unsigned(data: bytes, at: int) -> int:
    """Decode an unsigned integer."""
    return int.from_bytes(data[at : at + 32], "big")


def _integers(kind: str, low: int, high: int) -> Callable[[Any], bytes]:
    signed = low < 0

    def encode(value: int) -> bytes:
        # The first test is all that a plain integer takes; others may be an enum's.
        whole = type(value) is int or (isinstance(value, int) and not isinstance(value, bool))
        if not whole or not low <= value <= high:
            raise ValueError(f"{value!r} is no {kind}")
        return value.to_bytes(32, "big", signed=signed)

    return encode


def _bool(value: bool) -> bytes:
    if not isinstance(value, bool):
        raise TypeError(f"{value!r} is no bool")
    return value.to_bytes(32, "big")


@lru_cache(maxsize=2**14)
def _address(value: str) -> bytes:
    """A run has few addresses, and names them in every call."""
    raw = bytes.fromhex(value.removeprefix("0x"))
    if len(raw) != 20:
        raise ValueError(f"{value!r} is no address")
    return raw.rjust(32, b"\0")


def _bytes32(value: bytes) -> bytes:
    if len(value) != 32:
        raise ValueError(f"{value!r} is not 32 bytes")
    return value


def _to_signed(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 32], "big", signed=True)


def _to_bool(data: bytes, at: int) -> bool:
    return any(data[at : at + 32])


def _to_address(data: bytes, at: int) -> str:
    return "0x" + data[at + 12 : at + 32].hex()


def _to_bytes32(data: bytes, at: int) -> bytes:
    return data[at : at + 32]
