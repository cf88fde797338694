"""A sweep of `thin` on two processes: every run once, whatever happens to the processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.dataset as ds
import pytest
from rich.console import Console

from spillway import presets, scenario
from spillway.build import build_all
from spillway.errors import BadInput
from spillway.sweep import batch, command, runner, work
from spillway.sweep.runner import Cluster
from spillway.sweep.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from spillway.crash import Run

OVER = ("seed=1:3",)


def sweep(folder: Path, *over: str, **options: Any) -> tuple[int, str]:
    """Run the command; its exit code and what it printed."""
    told = StringIO()
    options = {"cluster": Cluster(workers=2), **options}
    asked = command.Options("thin", over, "hyperliquid", "pyevm", folder, **options)
    code = command.sweep(asked, Console(file=told, width=100))
    return code, told.getvalue()


def rows(folder: Path) -> list[dict[str, Any]]:
    table = ds.dataset(folder / "runs", format="parquet").to_table()
    return sorted(table.to_pylist(), key=lambda row: int(row["knob_seed"]))


def job(seed: int) -> work.Job:
    """A run of `thin` that this version of the contracts is meant for."""
    told, preset = scenario.load(scenario.find("thin")), presets.load(presets.find("hyperliquid"))
    turned = told.model_copy(update={"seed": seed})
    contracts = work.contracts_digest(build_all())
    return work.Job(f"{seed}", {"seed": f"{seed}"}, turned, preset, "pyevm", contracts)


@pytest.fixture(scope="module")
def scheduler(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a scheduler with two workers, of commands that were given elsewhere."""
    folder = tmp_path_factory.mktemp("elsewhere")
    file = folder / "scheduler.json"
    environment = {name: text for name, text in os.environ.items() if name != "PYTHONPATH"}

    def dask(*args: str) -> subprocess.Popen[bytes]:
        command = [str(Path(sys.executable).parent / "dask"), *args, "--no-dashboard"]
        with (folder / f"{args[0]}.log").open("ab") as log:
            return subprocess.Popen(  # noqa: S603 (Dask's own)
                [*command, "--scheduler-file", str(file)], cwd=folder, env=environment, stderr=log
            )

    processes = [dask("scheduler", "--host", "127.0.0.1", "--port", "0")]
    try:
        processes += [dask("worker", "--no-nanny", "--nthreads", "1") for _ in range(2)]
        until = time.monotonic() + 60
        while not file.exists():
            assert time.monotonic() < until, "no scheduler"
            time.sleep(0.1)
        yield json.loads(file.read_text())["address"]
    finally:
        for process in reversed(processes):
            process.terminate()
            process.wait()


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sweeps") / "thin"
    assert sweep(folder, *OVER)[0] == batch.DONE
    return folder


def test_a_row_says_what_the_run_alone_says(swept: Path, run_thin: Callable[..., Run]) -> None:
    found = rows(swept)
    assert [row["knob_seed"] for row in found] == ["1", "2"]
    for row in found:
        alone = run_thin(seed=int(row["knob_seed"]))
        assert row["state_digest"] == alone.state_digest
        assert row["status"] == "solvent"
        assert row["adl_count"] == alone.tally.layers["adl"].count
        assert row["gas_used"] == sum(block.gas_used for block in alone.blocks)
    blocks = ds.dataset(swept / "blocks", format="parquet").to_table().to_pylist()
    assert len(blocks) == 2 * len(alone.blocks)
    assert {row["key"] for row in blocks} == {row["key"] for row in found}


def test_what_is_done_is_not_done_again(swept: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in swept.rglob("*.parquet")}
    code, told = sweep(swept, *OVER)
    assert code == batch.DONE
    assert "2 of 2 runs are done already" in told
    assert {path: path.stat().st_mtime_ns for path in swept.rglob("*.parquet")} == before


def test_a_venue_that_stands_is_used_again_for_another_seed() -> None:
    first, other, again = (work.work(job(seed)) for seed in (1, 2, 1))
    assert first.summary is not None
    assert other.summary is not None
    assert again.summary is not None
    assert first.summary["state_digest"] == again.summary["state_digest"]
    assert first.summary["state_digest"] != other.summary["state_digest"]


def test_threads_of_one_process_take_turns() -> None:
    """As under a worker that was started with several of them."""
    alone = [work.work(job(seed)) for seed in (1, 2)]
    with ThreadPoolExecutor(2) as pool:
        together = list(pool.map(work.work, [job(1), job(2)]))
    for one, other in zip(alone, together, strict=True):
        assert one.summary is not None
        assert other.summary is not None, other.error
        assert one.summary["state_digest"] == other.summary["state_digest"]


def test_a_run_that_fails_is_a_row_and_the_others_go_on(tmp_path: Path) -> None:
    # The depositor's 1,000,000 USD become 0.001: below the least deposit, which the vault refuses.
    code, told = sweep(tmp_path / "s", "vault=1,0.000000001")
    assert code == batch.RUN_FAILED
    table = ds.dataset(tmp_path / "s/runs", format="parquet").to_table().to_pylist()
    by_vault = {row["knob_vault"]: row for row in table}
    assert by_vault["1"]["status"] == "solvent"
    failed = by_vault["0.000000001"]
    assert failed["status"] == "failed"
    assert "vault: below minimum" in failed["error"]
    assert failed["gas_used"] is None
    assert "1 failed" in told


def test_workers_of_a_scheduler_do_the_runs_wherever_they_stand(
    scheduler: str, tmp_path: Path, run_thin: Callable[..., Run]
) -> None:
    code, told = sweep(tmp_path / "s", "seed=1:3", cluster=Cluster(scheduler))
    assert code == batch.DONE, told
    found = rows(tmp_path / "s")
    assert [row["knob_seed"] for row in found] == ["1", "2"]
    assert found[0]["state_digest"] == run_thin(seed=1).state_digest
    with runner.connect(Cluster(scheduler)) as client:
        client.wait_for_workers(2, timeout=60)


def test_workers_with_other_contracts_end_the_sweep(scheduler: str) -> None:
    other = replace(job(1), contracts="of another version")
    with (
        runner.connect(Cluster(scheduler)) as client,
        pytest.raises(BadInput, match=r"--scheduler: .* this version's .* has other contracts"),
    ):
        next(runner.results(client, [other]))


def test_a_killed_worker_loses_no_run_and_none_is_counted_twice(tmp_path: Path) -> None:
    jobs = [job(seed) for seed in range(4)]
    store = Store(tmp_path / "sweep")
    victims: list[int] = []
    with runner.connect(Cluster(workers=2)) as client:
        for result in runner.results(client, jobs):
            store.add(result)
            if not victims:
                victims = sorted(client.run(os.getpid).values())[:1]
                os.kill(victims[0], signal.SIGKILL)
        after = set(client.run(os.getpid).values())
    assert victims
    assert not after & set(victims)
    found = rows(tmp_path / "sweep")
    assert [row["key"] for row in found] == [job.key for job in jobs]
    assert {row["status"] for row in found} == {"solvent"}


def test_an_edge_is_bisected_and_told_with_its_bracket(tmp_path: Path) -> None:
    code, told = sweep(tmp_path / "s", "seed=1", adaptive="traders=1:2", edge="insolvency")
    assert code == batch.DONE
    assert "no edge of insolvency: the same at 1 and at 2 (2 runs)" in told


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(BadInput) as caught:
        sweep(tmp_path, *OVER)
    assert caught.value.field == "--out"
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


def test_a_scheduler_that_is_not_there_is_bad_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "CONNECT_SECONDS", 1)
    with pytest.raises(BadInput, match="--scheduler"), runner.connect(Cluster("tcp://127.0.0.1:9")):
        pass


def test_engines_are_named_in_bad_input(tmp_path: Path) -> None:
    options = command.Options("thin", OVER, "hyperliquid", "steam", tmp_path / "s", Cluster())
    with pytest.raises(BadInput, match="--engine"):
        command.sweep(options)
    assert not (tmp_path / "s").exists()
