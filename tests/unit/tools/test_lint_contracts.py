"""The linter of contracts finds what stands in one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from vyper.exceptions import VyperException

from tools.lint_contracts import configured, lint

if TYPE_CHECKING:
    from collections.abc import Callable

SOUND = """# pragma version 0.4.3

@external
@pure
def doubled(number: uint256) -> uint256:
    return 2 * number
"""
UNUSED = SOUND.replace("(number: uint256)", "(number: uint256, spare: uint256)")
# More than pyproject's `max_frame_size`: 98,304 bytes.
HUGE = """# pragma version 0.4.3

words: uint256[4000]

@external
def fill():
    held: uint256[4000] = self.words
    self.words = held
"""
MODULE = """# pragma version 0.4.3

held: uint256
"""
USES_TWO = """# pragma version 0.4.3

from . import one
from . import two

uses: one
uses: two

@internal
def _add(number: uint256, spare: uint256):
    one.held += number
    two.held += number
"""


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], Path]:
    """Write a contract below the working directory; the rules are this project's."""
    configured()
    monkeypatch.chdir(tmp_path)

    def write(name: str, source: str) -> Path:
        path = Path("contracts") / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)
        return path

    return write


@pytest.mark.parametrize(
    ("source", "codes"),
    [(SOUND, []), (UNUSED, ["NTX10"]), (HUGE, ["NTX1"])],
    ids=["sound", "unused", "huge"],
)
def test_a_problem_is_found(
    write: Callable[[str, str], Path], source: str, codes: list[str]
) -> None:
    assert [issue.code for issue in lint(write("Planted.vy", source))] == codes


def test_a_policy_need_not_use_all_that_its_interface_passes(
    write: Callable[[str, str], Path],
) -> None:
    assert lint(write("adl/Planted.vy", UNUSED)) == []
    assert [issue.code for issue in lint(write("adl/Large.vy", HUGE))] == ["NTX1"]


def test_nor_need_whoever_stands_behind_the_book(write: Callable[[str, str], Path]) -> None:
    assert lint(write("Planted.vy", UNUSED.replace("doubled", "backstop_for"))) == []


def test_a_module_that_uses_two_others_is_read(write: Callable[[str, str], Path]) -> None:
    write("modules/one.vy", MODULE)
    write("modules/two.vy", MODULE)
    found = lint(write("modules/both.vy", USES_TWO))
    assert [(issue.code, issue.file) for issue in found] == [("NTX10", "contracts/modules/both.vy")]


def test_what_does_not_compile_is_no_pass(write: Callable[[str, str], Path]) -> None:
    with pytest.raises(VyperException):
        lint(write("Broken.vy", SOUND.replace("number: uint256", "number: uint257")))
