"""Encoding and decoding of values that are one word each."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


_RANGES = {
    **{f"uint{bits}": (0, 2**bits - 1) for bits in range(8, 257, 8)},
    **{f"int{bits}": (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) for bits in range(8, 257, 8)},
}


def encoder(kind: str) -> Callable[[Any], bytes] | None:
    """Encode one value of type `kind` as a word; None where such a value is not one word.

    What it gives raises ValueError or TypeError for a value that does not fit.
    """
    if kind in _RANGES:
        return partial(_integer, kind, *_RANGES[kind])
    others: dict[str, Callable[[Any], bytes]]
    others = {"bool": _bool, "address": _address, "bytes32": _bytes32}
    return others.get(kind)


def decoder(kind: str) -> Callable[[bytes], Any] | None:
    """Decode one word of type `kind`; None where such a value is not one word."""
    if kind in _RANGES:
        return partial(int.from_bytes, byteorder="big", signed=kind.startswith("int"))
    others: dict[str, Callable[[bytes], Any]]
    others = {"bool": any, "address": _to_address, "bytes32": bytes}
    return others.get(kind)


def _integer(kind: str, low: int, high: int, value: int) -> bytes:
    if type(value) is bool or not isinstance(value, int) or not low <= value <= high:
        raise ValueError(f"{value!r} is no {kind}")
    return value.to_bytes(32, "big", signed=low < 0)


def _bool(value: bool) -> bytes:
    if not isinstance(value, bool):
        raise TypeError(f"{value!r} is no bool")
    return value.to_bytes(32, "big")


def _address(value: str) -> bytes:
    raw = bytes.fromhex(value.removeprefix("0x"))
    if len(raw) != 20:
        raise ValueError(f"{value!r} is no address")
    return raw.rjust(32, b"\0")


def _bytes32(value: bytes) -> bytes:
    if len(value) != 32:
        raise ValueError(f"{value!r} is not 32 bytes")
    return value


def _to_address(word: bytes) -> str:
    return "0x" + word[12:].hex()
