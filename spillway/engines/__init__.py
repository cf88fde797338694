"""EVM engines behind one protocol: blocks of calls in, receipts out."""

from spillway.engines.accounts import sender
from spillway.engines.codec import Event
from spillway.engines.contract import Contract
from spillway.engines.engine import BlockResult, Engine, Receipt
from spillway.engines.protocol import Address, Call, Genesis, Head
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
    if name == "pyevm" and not network:
        from spillway.engines.pyevm import PyEvm

        return Engine(PyEvm(genesis), genesis.gas_limit)
    if name == "revm" and not network:
        from spillway.engines.revm import Revm

        return Engine(Revm(genesis), genesis.gas_limit)
    if name == "ape":
        from spillway.engines.ape_networks import connect

        return Engine(connect(genesis, network), genesis.gas_limit)
    if name in NAMES:
        raise BadInput("command line", "--network", network, "none with this engine")
    raise BadInput("command line", "--engine", name, " or ".join(NAMES))
