"""What is measured how often: as much as its speed allows within a few seconds a run."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

OURS, PEERS = ".venv", ".venv-bench"


@dataclass(frozen=True, slots=True)
class Row:
    """A tool in one way of using it.

    Attributes:
        key: Short, for ratios and the JSON file.
        label: As shown.
        module: Under bench/tools.
        home: The environment that has it.
        variant: Of the module.
        runs: (calls, runs) by work; a work that is not named is not measured.
    """

    key: str
    label: str
    module: str
    home: str
    variant: str
    runs: Mapping[str, tuple[int, int]]


def _runs(a: tuple[int, int], b: tuple[int, int]) -> Mapping[str, tuple[int, int]]:
    return MappingProxyType({"A": a, "B": b})


FULL = _runs((10_000, 5), (2_000, 5))

ROWS = (
    Row("ape", "spillway, engine ape", "spillway", OURS, "ape", _runs((1_000, 5), (60, 5))),
    Row("pyevm", "spillway, engine pyevm", "spillway", OURS, "pyevm", _runs((1_000, 5), (100, 5))),
    Row(
        "pyevm encoded",
        "spillway, engine pyevm, call data at hand",
        "spillway",
        OURS,
        "pyevm encoded",
        _runs((1_000, 5), (100, 5)),
    ),
    Row("revm", "spillway, engine revm", "spillway", OURS, "revm", FULL),
    Row(
        "revm encoded",
        "spillway, engine revm, call data at hand",
        "spillway",
        OURS,
        "revm encoded",
        FULL,
    ),
    Row("plain ape", "Ape, call by call", "plain_ape", OURS, "", _runs((50, 5), (15, 5))),
    Row("eth-tester", "eth-tester, call by call", "eth_tester", PEERS, "", _runs((50, 5), (15, 5))),
    Row("titanoboa", "titanoboa", "titanoboa", PEERS, "", _runs((500, 5), (30, 5))),
    Row(
        "py-evm loop",
        "py-evm, apply_transaction in a loop",
        "pyevm_loop",
        PEERS,
        "",
        _runs((1_000, 5), (100, 5)),
    ),
    Row("anvil", "anvil, a batch a block", "anvil", OURS, "", FULL),
    Row("simular", "simular-evm", "simular", PEERS, "", FULL),
    Row("verbs agents", "verbs, encoded and run by the block", "verbs", PEERS, "agents", FULL),
    Row("verbs", "verbs, bare loop", "verbs", PEERS, "", FULL),
    Row("pyrevm", "pyrevm, bare loop", "pyrevm", PEERS, "", FULL),
    Row("wake", "Wake, bare loop that reads gas and logs", "wake", OURS, "gas and logs", FULL),
    Row("wake blind", "Wake, bare loop that reads nothing", "wake", OURS, "", FULL),
)
