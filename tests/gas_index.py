"""Gas of closing a leg where losses are charged per lot, by the number of holders.

`docs/adl.md` tells it in thousands; a test holds it to what is measured.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from spillway import engines
from spillway.build import build_all
from spillway.rules import IndexRules
from tests.chains import FASTEST
from tests.unit.contracts.adl.crowded import deploy

if TYPE_CHECKING:
    from collections.abc import Iterable

HOLDERS = (100, 1_000, 10_000)
LOTS = 60  # that the loser has; a holder has 1 to 3 of them
RULES = {"other_side": IndexRules(), "both_sides": IndexRules(both_sides=True)}


def measured(sizes: Iterable[int] = HOLDERS) -> dict[str, dict[int, int]]:
    """Gas by rule and number of holders: a whole transaction, one leg, new storage."""
    return {name: {size: cost(rules, size) for size in sizes} for name, rules in RULES.items()}


def cost(rules: IndexRules, holders: int) -> int:
    """Close a loser among so many holders; its lots pass to a backstop that had none."""
    artifacts = build_all()
    engine = engines.start(FASTEST, engines.Genesis(timestamp=1_760_126_400, senders=128))
    admin, keeper = engine.sender(0), engine.sender(3)
    crowded = deploy(engine, artifacts, admin, keeper, holders, LOTS, index=rules)
    crowded.bench.open_backstop("child", 0)
    return crowded.bench.socialize(crowded.loser).gas_used


def row(name: str, costs: dict[int, int]) -> str:
    """A row as in the table of `docs/adl.md`: nobody is weighed, and one closing is one fill."""
    weighed = " | ".join("0" for _ in HOLDERS)
    closed = " | ".join(f"{costs[size]:,}" if size in costs else "" for size in HOLDERS)
    return f"| `AdlIndex`, `{name}` | {weighed} | {closed} |\n"


def main() -> None:
    """Print the rows."""
    for name, costs in measured().items():
        print(row(name, costs), end="")  # noqa: T201 (a command)


if __name__ == "__main__":
    main()
