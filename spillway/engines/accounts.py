"""Deterministic senders: the same keys and addresses on every engine and machine."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import rlp
from coincurve import PrivateKey

from spillway.engines.hashing import keccak


@dataclass(frozen=True, slots=True)
class Sender:
    """A key pair. `key` is the secret's 32 bytes: worthless, since everyone can derive it."""

    address: str
    key: bytes


@cache
def sender(index: int) -> Sender:
    """The sender number `index`, counted from 0."""
    key = keccak(f"spillway sender {index}".encode())
    point = PrivateKey(key).public_key.format(compressed=False)
    return Sender("0x" + keccak(point[1:])[-20:].hex(), key)


def create_address(creator: str, nonce: int) -> str:
    """Where the contract that `creator` deploys in its transaction number `nonce` will stand."""
    payload = rlp.encode([bytes.fromhex(creator[2:]), nonce])
    return "0x" + keccak(payload)[-20:].hex()
