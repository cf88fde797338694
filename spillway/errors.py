"""One exception class per kind of failure, each with the exit code that a command ends with."""

from __future__ import annotations

from decimal import Decimal


class SpillwayError(Exception):
    """Base of every error that spillway raises on purpose."""

    exit_code = 3


class BadInput(SpillwayError):
    """A file or an option says something that is not allowed.

    `file` is where it was read, `field` the key or option, `value` what was found,
    `allowed` what would have been accepted.
    """

    exit_code = 2

    def __init__(self, file: str, field: str, value: object, allowed: str) -> None:
        found = f"{value:f}" if isinstance(value, Decimal) else repr(value)
        super().__init__(f"{file}: {field}: found {found}, allowed: {allowed}")
        self.file = file
        self.field = field
        self.value = value
        self.allowed = allowed


class InvariantBroken(SpillwayError):
    """A solvency invariant did not hold at the end of a block.

    `invariant` is its name in docs/invariants.md, `detail` the numbers that break it.
    """

    exit_code = 1

    def __init__(self, invariant: str, block: int, accounts: tuple[int, ...], detail: str) -> None:
        who = ", ".join(map(str, accounts)) or "none in particular"
        super().__init__(f"{invariant} broken in block {block} (accounts: {who}): {detail}")
        self.invariant = invariant
        self.block = block
        self.accounts = accounts
        self.detail = detail


class BuildError(SpillwayError):
    """A contract does not compile, or is too large to be deployed."""


class EngineError(SpillwayError):
    """An engine was asked for something that it can't do."""


class Reverted(SpillwayError):
    """A call was refused by a contract.

    `reason` is the contract's own string, "" where it gave none; `label` names the call.
    """

    def __init__(self, reason: str, label: str) -> None:
        super().__init__(f"{label} reverted: {reason or 'no reason given'}")
        self.reason = reason
        self.label = label


class Inexact(SpillwayError):
    """A number has no exact counterpart in the unit that it is converted to."""

    exit_code = 2

    def __init__(self, value: object, unit: str) -> None:
        super().__init__(f"{value} is not a whole number of {unit}")
        self.value = value
        self.unit = unit
