"""Which of Ape's networks engine `ape` runs on, and by which backend.

Ape's test provider is driven within this process. Any other local network has a node, which has to
be one of anvil: no other lets blocks be mined at times of the past and senders be funded. For
`ethereum:local:foundry` the node is started here and named to ape-foundry, which would have it
record every step: two gigabytes for scenario `thin`.
"""

from __future__ import annotations

from contextlib import ExitStack, suppress
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from ape import networks
from ape.exceptions import ApeException
from ape_test.provider import LocalProvider

from spillway.engines import anvil
from spillway.engines.ape import NETWORK, ApeLocal
from spillway.engines.ape_node import HARDFORK, ApeNode
from spillway.engines.rpc import Node
from spillway.errors import BadInput, EngineError

if TYPE_CHECKING:
    from spillway.engines.protocol import Backend, Genesis

FOUNDRY = "ethereum:local:foundry"
BY_ADDRESS = "ethereum:local:http://HOST:PORT"
INSTALL = "pip install --no-deps --require-hashes -r requirements-foundry.lock"

# States of more than the last two blocks are neither kept nor, later, written to disk.
_OPTIONS = ("--hardfork", HARDFORK.lower(), "--prune-history", "2")


def connect(genesis: Genesis, choice: str = "") -> Backend:
    """Start a chain on the network that Ape calls `choice`; "" is that of its test provider.

    Raises BadInput for a network that is not there, or that no run can take place on.
    """
    choice = choice or NETWORK
    if choice == FOUNDRY and find_spec("ape_foundry") is None:
        raise _refused(choice, f"once ape-foundry is there: {INSTALL}")
    provider = _provider(choice)
    if isinstance(provider, LocalProvider):
        return ApeLocal(genesis, choice)
    if provider.name == "foundry" and anvil.binary() is None:
        raise _refused(choice, "once anvil is on PATH, or npm was there for `make setup`")
    opened = ExitStack()
    try:
        settings = {}
        if provider.name == "foundry":
            process = anvil.Anvil([*_OPTIONS, "--timestamp", str(genesis.timestamp)])
            opened.callback(process.close)
            settings["host"] = process.uri
        connection = networks.parse_network_choice(choice, settings)
        node = Node(opened.enter_context(connection).http_uri)
        opened.callback(node.close)
        return ApeNode(genesis, node, opened.close)
    except (ApeException, EngineError, OSError) as error:
        opened.close()
        new = f"anvil --hardfork {HARDFORK.lower()} --timestamp 1"
        why = str(error).partition("\n")[0].rstrip(".")
        raise _refused(choice, f"a new node of `{new}` ({why})") from error


def _provider(choice: str) -> Any:
    """Find what connects to a network; raises BadInput where it is none of the local ones."""
    with suppress(ApeException, ValueError):
        provider = networks.get_provider_from_choice(choice)
        if provider.network.is_local:
            return provider
    raise _refused(choice, f"{NETWORK} (or none), {FOUNDRY} or {BY_ADDRESS}")


def _refused(choice: str, allowed: str) -> BadInput:
    return BadInput("command line", "--network", choice, allowed)
