"""Keccak-256 by the fastest of the libraries that eth-hash can use: it takes the slowest by itself.

All of py-evm hashes through this one object. To name a library in the environment is not enough:
eth-hash settles on one at its first hash, and Ape has hashed before anything of ours is imported.
"""

from eth_hash.auto import keccak
from eth_hash.backends import pysha3

__all__ = ["keccak"]

# Its parameter has another name.
keccak.hasher = pysha3.keccak256  # type: ignore[assignment]
