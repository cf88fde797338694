"""Engine `ape` on Ape's networks: which it takes, and how it leaves a node that is not its own."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import time
import warnings
from typing import TYPE_CHECKING

import pytest

from spillway import engines
from spillway.engines import Genesis, anvil
from spillway.engines.protocol import CHAIN_ID
from spillway.engines.rpc import Node
from spillway.errors import BadInput, EngineError
from tests.chains import FOUNDRY, needs_anvil, needs_plugin

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from spillway.build import Artifacts

GENESIS = Genesis(timestamp=1_760_126_400, senders=2)  # 20:00:00 UTC, 10 October 2025
USUAL = {"--hardfork": "prague", "--timestamp": "1"}


# Ape's provider of nodes at an address leaves sockets open.
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")


@pytest.fixture(scope="module", autouse=True)
def collected() -> Iterator[None]:
    """Leave no such socket for other tests to find."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@pytest.fixture
def start_node() -> Iterator[Callable[..., Node]]:
    """Start nodes that the tests talk to, as someone might on the command line."""
    opened: list[Node | anvil.Anvil] = []

    def start(**options: str) -> Node:
        told = USUAL | {f"--{name}": value for name, value in options.items()}
        process = anvil.Anvil([word for option in told.items() for word in option])
        opened.extend([process, Node(process.uri)])
        node = opened[-1]
        assert isinstance(node, Node)
        return node

    yield start
    for each in reversed(opened):
        each.close()


def choice(node: Node) -> str:
    return f"ethereum:local:{node.uri}"


def gone(node: Node) -> bool:
    """Whether a node stops to answer, soon."""
    until = time.monotonic() + 10
    while time.monotonic() < until:
        try:
            node.ask("eth_chainId")
        except EngineError:
            node.close()
            return True
        time.sleep(0.02)
    return False


# --- what is refused -----------------------------------------------------------------------------


def test_no_network_is_the_chain_of_the_test_provider() -> None:
    with engines.start("ape", GENESIS) as engine:
        assert engine.head.number == 0


@pytest.mark.parametrize(
    "network",
    [
        "ethereum:mainnet:node",
        "ethereum:mainnet-fork:foundry",
        "ethereum:local:nothing",
        "http://localhost:1",
        "nowhere",
    ],
)
def test_a_network_that_is_not_local_is_refused(network: str) -> None:
    with pytest.raises(BadInput, match=r"--network: .* allowed: ethereum:local:test \(or none\)"):
        engines.start("ape", network=network)


def test_a_node_that_is_not_there_is_refused_in_one_line() -> None:
    with pytest.raises(BadInput, match="allowed: a new node of `anvil --hardfork") as caught:
        engines.start("ape", network="ethereum:local:http://127.0.0.1:1")
    assert "\n" not in str(caught.value)


def test_foundry_without_its_plugin_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ape_foundry", None)
    with pytest.raises(BadInput, match=r"allowed: once ape-foundry is there: .*foundry\.lock$"):
        engines.start("ape", network=FOUNDRY)


@needs_plugin
def test_foundry_without_anvil_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(anvil, "binary", lambda: None)
    with pytest.raises(BadInput, match="allowed: once anvil is on PATH"):
        engines.start("ape", network=FOUNDRY)


@needs_anvil
@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"hardfork": "cancun"}, "the node has the rules of Cancun"),
        ({"timestamp": str(GENESIS.timestamp + 1)}, "later than that of the scenario"),
    ],
)
def test_a_node_of_another_kind_is_refused(
    start_node: Callable[..., Node], options: dict[str, str], why: str
) -> None:
    node = start_node(**options)
    with pytest.raises(BadInput, match=why):
        engines.start("ape", GENESIS, choice(node))


# --- a node that is not ours ---------------------------------------------------------------------


@needs_anvil
def test_a_node_that_has_mined_is_refused_and_left_alone(start_node: Callable[..., Node]) -> None:
    node = start_node()
    node.ask("evm_mine")
    with pytest.raises(BadInput, match="the node has mined 1 blocks"):
        engines.start("ape", GENESIS, choice(node))
    assert node.ask("eth_blockNumber") == "0x1"
    assert node.ask("eth_chainId") == hex(31337)


@needs_anvil
def test_a_node_is_left_as_it_was_found(
    start_node: Callable[..., Node], artifacts: Artifacts
) -> None:
    node = start_node()
    for _ in range(2):
        with engines.start("ape", GENESIS, choice(node)) as engine:
            engine.deploy(artifacts["EngineHarness"], 7, sender=engine.sender(0))
            assert node.ask("eth_blockNumber") == "0x1"
        assert node.ask("eth_blockNumber") == "0x0"
        assert node.ask("eth_getBalance", engines.sender(0).address, "latest") == "0x0"


# --- a node of our own ---------------------------------------------------------------------------


@needs_anvil
def test_anvil_ends_with_the_process_that_started_it() -> None:
    """However that ends: here it leaves without a word."""
    program = """
import os, sys
from spillway.engines.anvil import Anvil
node = Anvil([])
sys.stdout.write(node.uri)
sys.stdout.flush()
os._exit(9)
"""
    done = subprocess.run(  # noqa: S603 (ours)
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, env=os.environ
    )
    node = Node(done.stdout)
    assert done.returncode == 9
    assert gone(node)


@needs_anvil
def test_anvil_is_gone_once_closed() -> None:
    process = anvil.Anvil([])
    node = Node(process.uri)
    assert node.ask("eth_blockNumber") == "0x0"
    process.close()
    assert gone(node)


@needs_plugin
@needs_anvil
def test_foundry_is_gone_with_the_chain(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[anvil.Anvil] = []

    class Noted(anvil.Anvil):
        def __init__(self, options: Sequence[str]) -> None:
            super().__init__(options)
            started.append(self)

    monkeypatch.setattr(anvil, "Anvil", Noted)
    with engines.start("ape", GENESIS, FOUNDRY):
        node = Node(started[0].uri)
        assert node.ask("eth_chainId") == hex(CHAIN_ID)
    assert gone(node)
