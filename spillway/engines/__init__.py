"""EVM engines behind one protocol: blocks of calls in, receipts out."""

import gc
from functools import cache

from spillway.engines.accounts import sender
from spillway.engines.codec import Event
from spillway.engines.contract import Contract
from spillway.engines.engine import BlockResult, Engine, Receipt
from spillway.engines.protocol import Address, Backend, Call, Genesis, Head
from spillway.errors import BadInput

__all__ = [
    "NAMES",
    "Address",
    "BlockResult",
    "Call",
    "Contract",
    "Engine",
    "Event",
    "Genesis",
    "Head",
    "Receipt",
    "sender",
    "start",
]

NAMES = ("ape", "pyevm", "revm")


def start(name: str, genesis: Genesis | None = None, network: str = "") -> Engine:
    """Start a fresh local chain on the engine `name`; only that engine's libraries are loaded.

    `network` is Ape's network choice, for engine `ape` alone; "" is its local chain. Raises
    BadInput for an engine that does not exist or a network that the engine can't run on.
    """
    genesis = genesis or Genesis()
    engine = Engine(_backend(name, genesis, network), genesis.gas_limit)
    _keep_imports(name)
    return engine


def _backend(name: str, genesis: Genesis, network: str) -> Backend:
    if name == "pyevm" and not network:
        from spillway.engines.pyevm import PyEvm

        return PyEvm(genesis)
    if name == "revm" and not network:
        from spillway.engines.revm import Revm

        return Revm(genesis)
    if name == "ape":
        from spillway.engines.ape_networks import connect

        return connect(genesis, network)
    if name in NAMES:
        raise BadInput("command line", "--network", network, "none with this engine")
    raise BadInput("command line", "--engine", name, " or ".join(NAMES))


@cache
def _keep_imports(name: str) -> None:
    """Take what the engine `name` has imported out of the garbage collector's sight, once.

    Its 100,000 objects and more stay for good; to walk them in the middle of a run takes 0.1 s.
    """
    del name
    gc.freeze()
