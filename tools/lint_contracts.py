"""Lint every contract with natrix's rules; exit 1 where one of them finds something.

`natrix lint` starts the compiler six times a file, and gives up at a module that uses two others.
Here each file is compiled once, in a process a core.
"""

from __future__ import annotations

import json
import sys
from functools import cache
from multiprocessing import Pool
from pathlib import Path
from typing import TYPE_CHECKING, Any

from natrix import read_pyproject_config
from natrix.rules.common import RuleRegistry
from vyper import compile_from_file_input
from vyper.compiler.input_bundle import FilesystemInputBundle

if TYPE_CHECKING:
    from natrix.rules.common import Issue, Rule

CONTRACTS = Path("contracts")
# What no one deploys has no frames of its own: its functions stand in those that use it.
MODULES = "modules"
# What has one interface in common, of which none needs all arguments: an unused one is no finding.
POLICIES = "adl"
COMMON = ("'backstop_for'", "'due_since'")
UNUSED_ARGUMENT = "NTX10"


def main() -> int:
    """Lint the contracts below the working directory; the exit code."""
    # The largest first, so that no core is left with one of them at the end.
    paths = sorted(CONTRACTS.rglob("*.vy"), key=lambda path: -path.stat().st_size)
    with Pool() as pool:
        found = [issue for issues in pool.imap(lint, paths) for issue in issues]
    for issue in found:
        print(issue.cli_format())
    print(f"natrix: {len(paths)} contracts, {len(found)} findings")
    return 1 if found or not paths else 0


def lint(path: Path) -> list[Issue]:
    """Give what the rules find in a contract; a rule or a compilation that fails raises."""
    unit = compiled(path)
    rules, off = configured()
    if path.parent.name == POLICIES:
        off = off | {UNUSED_ARGUMENT}
    found = [issue for rule in rules for issue in rule.run(unit) if issue.code not in off]
    return [
        i for i in found if i.code != UNUSED_ARGUMENT or not any(c in i.message for c in COMMON)
    ]


@cache
def configured() -> tuple[list[Rule], set[str]]:
    """Make the rules as pyproject's [tool.natrix] says, and tell which findings it turns off."""
    config = read_pyproject_config()
    return RuleRegistry.get_rules(config["rule_configs"]), config["disabled_rules"]


def compiled(path: Path) -> dict[str, Any]:
    """Give what a rule reads: the annotated tree and, of a contract, its functions' frames."""
    bundle = FilesystemInputBundle([Path()])
    formats = ["annotated_ast_dict", *(["metadata"] if path.parent.name != MODULES else [])]
    told = compile_from_file_input(
        bundle.load_file(path), input_bundle=bundle, output_formats=formats
    )
    unit = {**told["annotated_ast_dict"], "metadata": told.get("metadata", {})}
    plain: dict[str, Any] = json.loads(json.dumps(unit))  # enums and the like become words
    return plain


if __name__ == "__main__":
    sys.exit(main())
