"""What tests look up in a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from spillway.crash import Run
    from spillway.engines import Receipt


def account(run: Run, name: str) -> int:
    """Return the account of a member of that name."""
    return next(m.account for m in run.roster.accounts.values() if m.name == name)


def happened(run: Run, event: str) -> Iterator[tuple[int, Any]]:
    """Yield (block of the run, arguments) of every event of a name."""
    for block in run.blocks:
        for receipt in block.receipts:
            yield from ((block.step, args) for args in receipt.named(event))


def sent(run: Run, function: str) -> list[tuple[int, Receipt]]:
    """Return (block of the run, receipt) of every call of a function."""
    return [
        (block.step, receipt)
        for block in run.blocks
        for receipt in block.receipts
        if receipt.label.endswith(f".{function}")
    ]
