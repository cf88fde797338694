"""Every refusal has a reason, every reason its test and its line in an interface."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from vyper import ast as vy_ast

from spillway.build import CONTRACTS

TESTS = Path(__file__).resolve().parent
MODULES = ("accounts", "clock", "ledger", "margin", "markets", "positions", "roles", "trades")
SOURCES = {
    "pool": [CONTRACTS / "MarginPool.vy", *(CONTRACTS / "modules" / f"{n}.vy" for n in MODULES)],
    "custody": [CONTRACTS / "Custody.vy"],
}
INTERFACES = {
    "pool": CONTRACTS / "interfaces" / "IMarginPool.vyi",
    "custody": CONTRACTS / "interfaces" / "ICustody.vyi",
}
# Of the constructor, which no interface has.
UNSPOKEN = {"pool: fee too high", "pool: band out of range"}


def reasons(path: Path, contract: str) -> set[str]:
    return set(re.findall(rf'"({contract}: [^"]+)"', path.read_text()))


def all_reasons(contract: str) -> set[str]:
    return set().union(*(reasons(path, contract) for path in SOURCES[contract]))


def expected_by_tests(contract: str) -> set[str]:
    """What tests expect: refused("reason"), and reasons that parameters name."""
    folders = (TESTS, TESTS.parent / "custody")
    files = [path for folder in folders for path in folder.glob("test_*.py")]
    return set().union(*(reasons(path, contract) for path in files if path != Path(__file__)))


@pytest.mark.parametrize("contract", SOURCES)
def test_every_reason_is_reached_by_a_test(contract: str) -> None:
    assert all_reasons(contract)
    assert all_reasons(contract) - expected_by_tests(contract) == set()


@pytest.mark.parametrize("contract", SOURCES)
def test_the_interface_lists_them_and_no_others(contract: str) -> None:
    listed = reasons(INTERFACES[contract], contract)

    assert all_reasons(contract) - UNSPOKEN - listed == set()
    assert listed - all_reasons(contract) == set()


@pytest.mark.parametrize("contract", SOURCES)
def test_a_reason_fits_into_a_word(contract: str) -> None:
    assert {reason for reason in all_reasons(contract) if len(reason) > 32} == set()


@pytest.mark.parametrize("contract", SOURCES)
def test_no_refusal_goes_without_one(contract: str) -> None:
    """But for what arithmetic itself refuses, which is not in the sources."""
    for path in SOURCES[contract]:
        module = vy_ast.parse_to_ast(path.read_text())
        for refusal in module.get_descendants((vy_ast.Assert, vy_ast.Raise)):
            reason = refusal.msg if isinstance(refusal, vy_ast.Assert) else refusal.exc
            assert reason is not None, f"{path.name}, line {refusal.lineno}"
