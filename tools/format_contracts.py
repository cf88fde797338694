"""Put every contract into mamushi's style; with --check, say which are not and exit 1.

`mamushi` makes its parser, two seconds of work, three times a file. Here it is made once.
"""

from __future__ import annotations

import sys
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lark import Lark
from lark.exceptions import LarkError
from mamushi.formatting.format import format_tree
from mamushi.parsing import comparator
from mamushi.parsing import parser as parsing

if TYPE_CHECKING:
    from collections.abc import Sequence

CONTRACTS = Path("contracts")
COLUMNS = 100
# mamushi ends a long list of dependencies with a comma that its own grammar does not know.
DEPENDENCIES = 'initializes_dependency: "[" NAME ":=" NAME ("," NAME ":=" NAME)* "]"'
WITH_COMMA = DEPENDENCIES.replace('* "]"', '* [","] "]"')


def main(arguments: list[str]) -> int:
    """Format the contracts below the working directory; the exit code."""
    mend()
    parser = parsing.Parser()
    paths = sorted(path for ending in ("vy", "vyi") for path in CONTRACTS.rglob(f"*.{ending}"))
    changed = []
    for path in paths:
        source = path.read_text()
        wanted = formatted(parser, path, source)
        if wanted != source:
            changed.append(path)
            if arguments != ["--check"]:
                path.write_text(wanted)
    for path in changed:
        print(f"not in mamushi's style: {path}")
    print(f"mamushi: {len(paths)} files, {len(changed)} differ")
    return 1 if (changed and arguments == ["--check"]) or not paths else 0


def formatted(parser: parsing.Parser, path: Path, source: str) -> str:
    """Give a source in mamushi's style; where that would not be the same contract, raise."""
    try:
        wanted: str = format_tree(parser.parse(source), COLUMNS)
        again = format_tree(parser.parse(wanted), COLUMNS)
        same = comparator.compare_ast(source, wanted)
    except LarkError as error:
        raise SystemExit(f"mamushi can't read {path}: {error}") from error
    if not same or comments(source) != comments(wanted):
        raise SystemExit(f"mamushi would change what {path} says")
    if again != wanted:
        raise SystemExit(f"mamushi does not agree with itself on {path}")
    return wanted


def comments(source: str) -> list[str]:
    """Give the words of all comments; mamushi compares the code alone."""
    return sorted(line.partition("#")[2].strip() for line in source.splitlines() if "#" in line)


class Grammar(Lark):
    """mamushi's grammar, and the comma."""

    @classmethod
    def open_from_package(
        cls, package: str, grammar_path: str, search_paths: Sequence[str] = ("",), **options: Any
    ) -> Grammar:
        """Do what Lark's does, where mamushi calls it: `search_paths` is the grammar's folder."""
        folder = resources.files(package).joinpath(*search_paths)
        text = folder.joinpath(grammar_path).read_text()
        if text.count(DEPENDENCIES) != 1:
            raise SystemExit("mamushi's grammar is not the one that is mended here")
        return cls(text.replace(DEPENDENCIES, WITH_COMMA), **options)


def mend() -> None:
    """Have mamushi use our grammar, and make it once."""
    parsing.Lark = comparator.Lark = Grammar
    comparator.plain_grammar = cache(comparator.plain_grammar)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
