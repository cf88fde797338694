"""What README.md says of the contracts is what the compiler says."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from spillway.build import ROOT

if TYPE_CHECKING:
    from spillway.build import Artifacts

ROW = re.compile(
    r"^\| \[`(?P<name>\w+)`\]\((?P<path>[\w/.]+)\) \|.*\| (?P<size>[\d,]+) B \|$", re.MULTILINE
)


def test_the_sizes_of_the_contracts_are_true(artifacts: Artifacts) -> None:
    rows = list(ROW.finditer((ROOT / "README.md").read_text(encoding="utf-8")))
    deployable = {path.stem for path in (ROOT / "contracts").glob("*.vy")}
    assert {row["name"] for row in rows} == deployable
    for row in rows:
        assert (ROOT / row["path"]).is_file()
        assert int(row["size"].replace(",", "")) == artifacts[row["name"]].runtime_size
