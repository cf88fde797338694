"""What docs/adl.md says of the policies is what stands in the files."""

from __future__ import annotations

import re

from spillway.build import ROOT
from spillway.model.policies import QUEUES, SHARES, contract_name

PAGE = (ROOT / "docs" / "adl.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"```(?:vyper|python)\n(.*?)```", re.DOTALL)
ROW = re.compile(r"^\| `(\w+)` \|", re.MULTILINE)
SHOWN = (
    "contracts/adl/SizeQueue.vy",
    "spillway/model/policies/size_queue.py",
    "spillway/model/policies/__init__.py",
    "tests/unit/contracts/adl/test_policies.py",
    "contracts/adl/ContractsProRata.vy",
    "spillway/model/policies/contracts_pro_rata.py",
    "tests/unit/spillway/model/test_shares.py",
)


def test_the_tables_name_every_policy_in_the_order_of_the_registry() -> None:
    contracts = [contract_name(name) for name in (*QUEUES, *SHARES)]
    assert ROW.findall(PAGE) == contracts * 2  # what they rank by, and what they cost


def test_the_example_of_a_policy_is_the_one_that_is_there() -> None:
    blocks = BLOCK.findall(PAGE)
    for path, block in zip(SHOWN, blocks, strict=True):
        assert path in PAGE
        assert block in (ROOT / path).read_text(encoding="utf-8")
