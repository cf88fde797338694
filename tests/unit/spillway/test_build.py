"""The build helper, on small contracts of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from spillway.build import CODE_BUDGET, CODE_LIMIT, ROOT, Artifacts, build_all
from spillway.errors import BuildError

if TYPE_CHECKING:
    from pathlib import Path

    from spillway.engines import Address, Engine

HEAD = "# pragma version 0.4.3\n"
COUNTER = """
from modules import step

event Stepped:
    count: uint256

count: public(uint256)
START: immutable(uint256)
CREATOR: immutable(address)

@deploy
def __init__(start: uint256):
    START = start
    CREATOR = msg.sender
    self.count = start

@external
def bump():
    self.count += step._size()
    log Stepped(count=self.count)
"""
STEP = """
@internal
@pure
def _size() -> uint256:
    return {size}
"""
ALONE = """
@external
@pure
def answer() -> uint256:
    return 42
"""


class Sources:
    """A folder of contracts that a test writes, and the cache beside it."""

    def __init__(self, folder: Path) -> None:
        self.contracts = folder / "contracts"
        self.cache = folder / "cache"

    def write(self, name: str, code: str) -> None:
        path = self.contracts / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(HEAD + code)

    def build(self) -> Artifacts:
        return build_all(self.contracts, self.cache)

    def written(self) -> dict[str, int]:
        """When each cache entry was written, in nanoseconds."""
        return {path.stem: path.stat().st_mtime_ns for path in self.cache.glob("*.json")}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two contracts and a module, compiled once; tests work on copies."""
    folder = tmp_path_factory.mktemp("built")
    sources = Sources(folder)
    sources.write("Counter.vy", COUNTER)
    sources.write("modules/step.vy", STEP.format(size=1))
    sources.write("mocks/Alone.vy", ALONE)
    sources.build()
    return folder


@pytest.fixture
def sources(tmp_path: Path, built: Path) -> Sources:
    shutil.copytree(built, tmp_path, dirs_exist_ok=True)
    return Sources(tmp_path)


def padded(count: int) -> str:
    """A contract of `count` words of immutables behind some 40 bytes of code."""
    words = f"uint256[{count}]"
    return f"""
DATA: immutable({words})

@deploy
def __init__():
    DATA = empty({words})

@external
@view
def first() -> uint256:
    return DATA[0]
"""


def test_every_deployable_is_compiled_and_no_module(sources: Sources) -> None:
    assert sorted(sources.build()) == ["Alone", "Counter"]


def test_what_is_compiled_runs(sources: Sources, engine: Engine, admin: Address) -> None:
    counter = engine.deploy(sources.build()["Counter"], 5, sender=admin)
    receipt = counter.transact.bump(sender=admin)
    assert counter.call.count() == 6
    assert [event.count for event in receipt.named("Stepped")] == [6]


def test_the_size_counts_immutables(sources: Sources, engine: Engine, admin: Address) -> None:
    artifact = sources.build()["Counter"]
    counter = engine.deploy(artifact, 5, sender=admin)
    assert engine.backend.code_size(counter.address) == artifact.runtime_size


def test_nothing_is_compiled_twice(sources: Sources) -> None:
    first = sources.build()
    before = sources.written()
    again = sources.build()
    assert sources.written() == before
    assert {name: again[name] for name in again} == {name: first[name] for name in first}


def test_an_edit_compiles_again_what_depends_on_it_alone(sources: Sources) -> None:
    first, before = sources.build(), sources.written()
    assert sorted(before) == ["Alone", "Counter"]
    sources.write("modules/step.vy", STEP.format(size=2))
    second, after = sources.build(), sources.written()
    assert second["Counter"].bytecode != first["Counter"].bytecode
    assert (after["Counter"] > before["Counter"], after["Alone"]) == (True, before["Alone"])


def test_an_entry_of_another_compiler_is_not_used(sources: Sources) -> None:
    sources.build()
    path = sources.cache / "Alone.json"
    entry = json.loads(path.read_text())
    path.write_text(json.dumps({**entry, "compiler": "vyper 0.4.2", "abi": []}))
    assert [each["name"] for each in sources.build()["Alone"].abi] == ["answer"]


def test_a_torn_entry_is_not_used(sources: Sources) -> None:
    whole = sources.build()["Alone"]
    (sources.cache / "Alone.json").write_text('{"compiler": ')
    assert sources.build()["Alone"] == whole


def test_a_contract_that_does_not_compile_stands_in_its_own_way_alone(sources: Sources) -> None:
    sources.write("adl/Broken.vy", "nonsense")
    artifacts = sources.build()
    assert artifacts["Alone"].name == "Alone"
    with pytest.raises(BuildError, match=r"(?s)Broken: .*nonsense"):
        _ = artifacts["Broken"]
    sources.write("adl/Broken.vy", ALONE)
    assert sources.build()["Broken"].abi == artifacts["Alone"].abi


def test_a_name_without_a_contract_says_what_there_is(sources: Sources) -> None:
    with pytest.raises(BuildError, match="Missing: no such contract; there are Alone, Counter"):
        _ = sources.build()["Missing"]


def test_two_contracts_may_not_share_a_name(sources: Sources) -> None:
    sources.write("adl/Counter.vy", ALONE)
    with pytest.raises(BuildError, match="two contracts are named Counter"):
        sources.build()


@pytest.mark.parametrize(("folder", "limit"), [("adl", CODE_BUDGET), ("mocks", CODE_LIMIT)])
def test_code_over_its_limit_is_refused(sources: Sources, folder: str, limit: int) -> None:
    sources.write(f"{folder}/Fits.vy", padded(limit // 32 - 5))
    sources.write(f"{folder}/Large.vy", padded(-(-limit // 32) - 1))
    artifacts = sources.build()
    assert limit - 200 < artifacts["Fits"].runtime_size <= limit
    with pytest.raises(BuildError, match=f"Large: .* bytes of runtime code, at most {limit}"):
        _ = artifacts["Large"]


def test_builds_at_the_same_time_agree(sources: Sources) -> None:
    # No `if __name__ == "__main__"`: workers must not run the caller's script again.
    script = (
        "import sys; from pathlib import Path; from spillway.build import build_all\n"
        "built = build_all(Path(sys.argv[1]), Path(sys.argv[2]))\n"
        "print(built['Counter'].bytecode.hex())"
    )
    shutil.rmtree(sources.cache)
    command = [sys.executable, "-c", script, str(sources.contracts), str(sources.cache)]
    running = [
        subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)  # noqa: S603
        for _ in range(2)
    ]
    printed = {process.communicate(timeout=120)[0].strip() for process in running}
    assert printed == {sources.build()["Counter"].bytecode.hex()}


def test_ape_compiles_the_project_without_a_network(tmp_path: Path) -> None:
    """Ape, in an empty home, with the compiler of this environment and nothing else on PATH."""
    project = tmp_path / "project"
    project.mkdir()
    for name in ("contracts", "ape-config.yaml"):
        (project / name).symlink_to(ROOT / name)
    home = tmp_path / "home"
    home.mkdir()
    tools = os.path.dirname(sys.executable)  # noqa: PTH120 (as it is, not resolved)
    environment = os.environ | {"HOME": str(home), "PATH": f"{tools}:/usr/bin:/bin"}
    environment |= {"http_proxy": "http://localhost:1", "https_proxy": "http://localhost:1"}
    done = subprocess.run(  # noqa: S603
        [f"{tools}/ape", "compile", "contracts/mocks/USDC.vy"],
        cwd=project,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
