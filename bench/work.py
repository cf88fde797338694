"""What is measured: calls recorded once, that any tool can replay.

Only the standard library is imported here, since a peer's environment may hold nothing else.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Step:
    """One transaction.

    Attributes:
        timestamp: Of its block, seconds.
        sender: Hex address.
        to: Hex address; None for a deployment.
        data: Call data in hex, or creation code.
        gas: Declared limit.
        contract: Name of the contract that is called, where `args` are known.
        function: Its function.
        args: What `data` encodes after the selector, as JSON holds it.
        address: Where a deployment puts its contract.
    """

    timestamp: int
    sender: str
    to: str | None
    data: str
    gas: int
    contract: str = ""
    function: str = ""
    args: tuple[Any, ...] = ()
    address: str = ""

    @property
    def raw(self) -> bytes:
        """The call data."""
        return bytes.fromhex(self.data)


@dataclass(frozen=True, slots=True)
class Work:
    """Transactions that set a chain up, and those that are measured on it.

    Attributes:
        name: A, B or C.
        title: What it consists of.
        timestamp: Of block 0, seconds.
        keys: Secret of each sender by address, hex: worthless ones.
        abis: ABI of each contract of which `calls` know the arguments, by name.
        setup: Not measured.
        calls: Measured, in order.
        gas: That `calls` use by Ethereum's rules, one after the other.
        check: A read (address, call data) and its answer after each of `calls`, hex: whatever of
            them is left undone changes it.
    """

    name: str
    title: str
    timestamp: int
    keys: dict[str, str]
    abis: dict[str, Any]
    setup: tuple[Step, ...]
    calls: tuple[Step, ...]
    gas: tuple[int, ...]
    check: tuple[str, str, tuple[str, ...]]

    def first(self, count: int) -> Work:
        """The same with no more than `count` calls."""
        to, data, words = self.check
        return replace(
            self,
            calls=self.calls[:count],
            gas=self.gas[:count],
            check=(to, data, words[:count]),
        )

    def save(self, path: Path) -> None:
        """Write as JSON."""
        path.write_text(json.dumps(asdict(self)))


def load(path: Path) -> Work:
    """Read what `save` wrote."""
    told = json.loads(path.read_text())
    to, data, words = told["check"]
    told |= {name: tuple(_step(each) for each in told[name]) for name in ("setup", "calls")}
    return Work(**told | {"gas": tuple(told["gas"]), "check": (to, data, tuple(words))})


def blocks(steps: tuple[Step, ...]) -> list[tuple[Step, ...]]:
    """Split into blocks: steps of the same time."""
    return [tuple(block) for _, block in groupby(steps, lambda step: step.timestamp)]


def _step(told: dict[str, Any]) -> Step:
    return Step(**told | {"args": _tuples(told["args"])})


def _tuples(value: Any) -> Any:
    """What JSON made a list was a tuple."""
    return tuple(map(_tuples, value)) if isinstance(value, list) else value
