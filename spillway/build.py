"""The one build helper: every deployable contract, compiled once and cached by what it reads.

A contract's cache entry records each source file that went into it with its hash, so that an
edit compiles again exactly the contracts that depend on the file.
"""

from __future__ import annotations

import functools
import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from filelock import FileLock

from spillway.errors import BuildError

ROOT = Path(__file__).resolve().parent.parent
CONTRACTS = ROOT / "contracts"
CACHE = ROOT / ".build"

DEPLOYED_FOLDERS = ("", "adl")
TEST_FOLDERS = ("mocks", "harness")

CODE_BUDGET = 22_000  # bytes of runtime code of what users deploy
CODE_LIMIT = 24_576  # EIP-170, for mocks and harnesses

EVM_VERSION = "prague"
WORKERS = 2
LOCK_SECONDS = 900  # a whole build takes a minute; who waits longer waits for a dead one


@dataclass(frozen=True, slots=True)
class Artifact:
    """A compiled contract.

    `abi` is the compiler's list of entries, `bytecode` the creation code without constructor
    arguments, `runtime_size` the bytes that stand on the chain once deployed (immutables included),
    `slots` the storage slot of each variable, those of modules as `module.name`.
    """

    name: str
    abi: tuple[Mapping[str, Any], ...]
    bytecode: bytes
    runtime_size: int
    slots: Mapping[str, int]


class Artifacts(Mapping[str, Artifact]):
    """Every deployable contract by its name.

    Asking for one that does not compile, or that is over its size limit, raises BuildError: a
    broken contract stands in the way of those that use it alone.
    """

    def __init__(self, good: Mapping[str, Artifact], errors: Mapping[str, str]) -> None:
        self._good = good
        self._errors = errors

    def __getitem__(self, name: str) -> Artifact:
        if name in self._errors:
            raise BuildError(f"{name}: {self._errors[name]}")
        if name not in self._good:
            raise BuildError(f"{name}: no such contract; there are {', '.join(sorted(self))}")
        return self._good[name]

    def __iter__(self) -> Iterator[str]:
        return iter((*self._good, *self._errors))

    def __len__(self) -> int:
        return len(self._good) + len(self._errors)


def build_all(contracts: Path = CONTRACTS, cache: Path = CACHE) -> Artifacts:
    """Compile what changed under `contracts`; give every deployable contract by its name.

    Safe to call from several processes at once. Raises BuildError where two contracts share a
    name; what is wrong with a single contract is raised when it is asked for.
    """
    sources = deployables(contracts)
    cache.mkdir(parents=True, exist_ok=True)
    with FileLock(cache / "lock", timeout=LOCK_SECONDS):
        entries = {name: _load_entry(contracts, cache, name) for name in sources}
        stale = {name: path for name, path in sources.items() if not entries[name]}
        for name, entry in _compile_many(contracts, stale):
            entries[name] = entry
            if "error" not in entry:
                _write_entry(cache, name, entry)
    good: dict[str, Artifact] = {}
    errors: dict[str, str] = {}
    for name, entry in entries.items():
        limit = CODE_LIMIT if sources[name].parent.name in TEST_FOLDERS else CODE_BUDGET
        if "error" in entry:
            errors[name] = entry["error"]
        elif entry["runtime_size"] > limit:
            errors[name] = f"{entry['runtime_size']} bytes of runtime code, at most {limit}"
        else:
            good[name] = _artifact(name, entry)
    return Artifacts(good, errors)


def deployables(contracts: Path = CONTRACTS) -> dict[str, Path]:
    """Name -> source file of every contract that can be deployed (CamelCase .vy files)."""
    found: dict[str, Path] = {}
    for folder in (*DEPLOYED_FOLDERS, *TEST_FOLDERS):
        for path in sorted((contracts / folder).glob("[A-Z]*.vy")):
            if path.stem in found:
                raise BuildError(f"two contracts are named {path.stem}: {found[path.stem]}, {path}")
            found[path.stem] = path
    return found


def _artifact(name: str, entry: Mapping[str, Any]) -> Artifact:
    return Artifact(
        name=name,
        abi=tuple(entry["abi"]),
        bytecode=bytes.fromhex(entry["bytecode"].removeprefix("0x")),
        runtime_size=entry["runtime_size"],
        slots=entry["slots"],
    )


# --- cache ---------------------------------------------------------------------------------------


def _load_entry(contracts: Path, cache: Path, name: str) -> dict[str, Any]:
    """The cached entry; empty where there is none, or where a file that went into it changed."""
    try:
        entry: dict[str, Any] = json.loads((cache / f"{name}.json").read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return {}
    fresh = entry["compiler"] == _compiler() and all(
        _hash(contracts / source) == digest for source, digest in entry["sources"].items()
    )
    return entry if fresh else {}


def _write_entry(cache: Path, name: str, entry: Mapping[str, Any]) -> None:
    part = cache / f"{name}.json.part"
    part.write_text(json.dumps(entry))
    part.replace(cache / f"{name}.json")


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""


@functools.cache
def _compiler() -> str:
    """Name everything besides the sources that an entry depends on, this file included."""
    return f"vyper {version('vyper')} {EVM_VERSION} {_hash(Path(__file__))}"


# --- compiler ------------------------------------------------------------------------------------


def _compile_many(
    contracts: Path, sources: Mapping[str, Path]
) -> Iterator[tuple[str, dict[str, Any]]]:
    with ThreadPoolExecutor(WORKERS) as pool:
        jobs = {name: pool.submit(_compile, contracts, path) for name, path in sources.items()}
        for name, job in jobs.items():
            yield name, job.result()


def _compile(contracts: Path, path: Path) -> dict[str, Any]:
    """Compile one file in a process of its own: the cache entry, or {"error": what is wrong}.

    The process is a plain command and not one of `multiprocessing`, which would run the caller's
    script again in the worker.
    """
    command = [sys.executable, "-m", "spillway.build", str(contracts), str(path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603 (our own)
    if done.returncode:
        return {"error": done.stderr.strip()}
    entry: dict[str, Any] = json.loads(done.stdout)
    return entry


def compile_one(contracts: Path, path: Path) -> dict[str, Any]:
    """Compile one file here and now: the cache entry, or {"error": what is wrong}."""
    from vyper.compiler import CompilerData, outputs_from_compiler_data
    from vyper.compiler.input_bundle import FilesystemInputBundle
    from vyper.compiler.settings import OptimizationLevel, Settings
    from vyper.exceptions import VyperException

    bundle = FilesystemInputBundle([contracts])
    settings = Settings(optimize=OptimizationLevel.GAS, evm_version=EVM_VERSION)
    try:
        data = CompilerData(bundle.load_file(path), bundle, settings=settings)
        out = outputs_from_compiler_data(data, ("abi", "bytecode", "bytecode_runtime", "layout"))
    except VyperException as error:
        return {"error": str(error)}
    runtime = len(out["bytecode_runtime"]) // 2 - 1
    immutables = _immutables_end(out["layout"].get("code_layout", {}))
    return {
        "compiler": _compiler(),
        "sources": _sources(contracts, data),
        "abi": out["abi"],
        "bytecode": out["bytecode"],
        "runtime_size": runtime + immutables,
        "slots": dict(_slots(out["layout"].get("storage_layout", {}))),
    }


def _sources(contracts: Path, data: Any) -> dict[str, str]:
    """Files under `contracts` that the compiler read, with the hash of what it found in them."""
    root = contracts.resolve()
    inputs = {Path(each.resolved_path): each for each in data.resolved_imports.compiler_inputs}
    inputs[Path(data.file_input.resolved_path)] = data.file_input
    return {
        str(path.relative_to(root)): hashlib.sha256(each.contents.encode()).hexdigest()
        for path, each in sorted(inputs.items())
        if path.is_relative_to(root)
    }


def _slots(layout: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, int]]:
    """Yield the slot of each variable; a module's own are nested under its name."""
    for name, item in layout.items():
        if isinstance(item.get("slot"), int):
            yield prefix + name, item["slot"]
        else:
            yield from _slots(item, f"{prefix}{name}.")


def _immutables_end(layout: Mapping[str, Any]) -> int:
    """Bytes of immutables behind the runtime code; a module's own are nested under its name."""
    ends = [
        item["offset"] + item["length"]
        if isinstance(item.get("offset"), int)
        else _immutables_end(item)
        for item in layout.values()
    ]
    return max(ends, default=0)


if __name__ == "__main__":
    json.dump(compile_one(Path(sys.argv[1]), Path(sys.argv[2])), sys.stdout)
