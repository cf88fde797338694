"""`ape run compare` on `thin`: two venues, two policies, two seeds; and whatever goes wrong."""

from __future__ import annotations

import importlib.util
import multiprocessing
import os
import signal
import threading
import time
from io import StringIO
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from distributed import LocalCluster
from rich.console import Console

from spillway import compare, crash, engines, metrics, presets, scenario
from spillway.build import ROOT
from spillway.compare import Options
from spillway.errors import BadInput
from spillway.sweep import batch
from spillway.sweep.batch import Batch
from spillway.sweep.runner import Cluster
from tests.chains import FASTEST

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path
    from types import ModuleType

    from spillway.build import Artifacts
    from spillway.sweep.work import Job

    Run = Callable[..., tuple[int, str]]

POLICIES = ("hyperliquid_queue", "hyperliquid_docs_queue")


def venue(folder: Path, name: str, old: str, new: str) -> str:
    """A copy of the Hyperliquid preset with one change; its path."""
    text = presets.find("hyperliquid").read_text()
    assert old in text
    path = folder / f"{name}.toml"
    path.write_text(text.replace(old, new, 1))
    return str(path)


@pytest.fixture(scope="module")
def run() -> Iterator[Run]:
    """Run the command on two processes; its exit code and what it printed."""
    settings = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": "127.0.0.1:0"}
    with LocalCluster(**settings, silence_logs="CRITICAL") as local:

        def compared(folder: Path, **options: Any) -> tuple[int, str]:
            told = StringIO()
            made = Options("thin", FASTEST, folder, Cluster(local.scheduler_address), **options)
            code = compare.compare(made, Console(file=told, width=120, highlight=False))
            return code, told.getvalue()

        yield compared


def rows(folder: Path) -> list[dict[str, Any]]:
    table: list[dict[str, Any]] = pq.read_table(folder / compare.TABLE).to_pylist()
    return table


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A venue whose vault stands behind its child with all that it has."""
    folder = tmp_path_factory.mktemp("venues")
    return venue(folder, "shared", "at_risk_ppm = 30_000", "at_risk_ppm = 1_000_000")


@pytest.fixture(scope="module")
def options(shared: str) -> dict[str, Any]:
    return {"venues": ("hyperliquid", shared), "policies": POLICIES, "seeds": 2}


@pytest.fixture(scope="module")
def compared(
    run: Run, options: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, int, str]:
    """The folder, exit code and output of the comparison."""
    folder = tmp_path_factory.mktemp("comparisons") / "thin"
    return folder, *run(folder, **options)


# --- what it says --------------------------------------------------------------------------------


def test_there_is_a_row_for_each_venue_policy_and_seed(
    compared: tuple[Path, int, str], shared: str
) -> None:
    folder, code, _ = compared
    assert code == batch.DONE
    found = [(row["knob_venue"], row["policy"], row["seed"]) for row in rows(folder)]
    assert found == [
        (name, policy, seed)
        for name in ("hyperliquid", shared)
        for policy in POLICIES
        for seed in (1, 2)
    ]
    assert {row["status"] for row in rows(folder)} == {"solvent"}
    assert {row["flat_accounts_loss_usd"] for row in rows(folder)} == {0}


def test_a_row_says_what_the_run_alone_says(
    compared: tuple[Path, int, str], shared: str, artifacts: Artifacts
) -> None:
    row = rows(compared[0])[-1]
    told = scenario.load(scenario.find("thin"), row["seed"])
    preset = presets.with_policy(presets.load(presets.find(shared)), row["policy"])
    with engines.start(FASTEST, crash.genesis(told, preset)) as chain:
        summary = metrics.summary(crash.run(chain, artifacts, told, preset))
    assert row["state_digest"] == summary["state_digest"]
    for key in ("needed_usd", "taken_usd", "peak_deficit_usd", "capacity_usd", "forgone_usd"):
        assert metrics.usd(int(row[f"adl_{key}"].scaleb(18))) == summary["adl"][key]
    assert row["adl_seconds_to_adl"] == summary["adl"]["seconds_to_adl"]
    assert row["adl_survival"] == summary["adl"]["survival"]


def test_every_venue_meets_the_same_crowd_with_its_own_fund(
    compared: tuple[Path, int, str],
) -> None:
    found = rows(compared[0])
    for seed in (1, 2):
        of_seed = [row for row in found if row["seed"] == seed]
        for same in ("open_interest_usd", "depth_2pct_usd", "loss_of_10pct_usd", "share_from_10x"):
            assert len({row[f"early_{same}"] for row in of_seed}) == 1, same
    # Of the 1,000,000 USD that the depositor has in the vault, 3 % and all.
    funds = {row["knob_venue"]: row["early_fund_usd"] for row in found}
    assert list(funds.values()) == [30_000, 1_000_000]


def test_the_table_has_a_row_for_each_venue_and_policy(compared: tuple[Path, int, str]) -> None:
    _, _, told = compared
    assert "4 venues and policies, 2 seeds each" in told
    lines = told.splitlines()
    for name in ("hyperliquid ", "shared "):
        with_verdict = [line for line in lines if line.startswith(name) and "solvent" in line]
        assert len(with_verdict) == len(POLICIES)
    assert "overflow" not in told


def test_what_is_done_is_not_done_again(
    run: Run, compared: tuple[Path, int, str], options: dict[str, Any]
) -> None:
    folder, _, _ = compared
    before = {path: path.stat().st_mtime_ns for path in (folder / "runs").iterdir()}
    code, told = run(folder, **options)
    assert code == batch.DONE
    assert "8 of 8 runs are done already" in told
    assert {path: path.stat().st_mtime_ns for path in (folder / "runs").iterdir()} == before


# --- what goes wrong -----------------------------------------------------------------------------


def test_a_run_that_fails_is_a_row_with_its_error(run: Run, tmp_path: Path) -> None:
    # Half of the notional as a fee: the pool refuses to be deployed with that.
    dear = venue(tmp_path, "dear", "taker_fee_ppm = 450", "taker_fee_ppm = 500_000")
    code, told = run(tmp_path / "c", venues=("hyperliquid", dear))
    assert code == batch.RUN_FAILED
    good, bad = rows(tmp_path / "c")
    assert (good["status"], bad["status"]) == ("solvent", "failed")
    assert bad["error"] == "MarginPool.__init__ reverted: pool: fee too high"
    assert bad["adl_taken_usd"] is None
    assert "failed: " in told


def test_a_run_that_broke_an_invariant_ends_the_command_with_1(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "c"
    assert run(folder, venues=("hyperliquid",))[0] == batch.DONE
    (path,) = (folder / "runs").glob("*.parquet")
    table = pq.read_table(path)
    (row,) = table.to_pylist()
    row |= {"status": "broken", "error": "I-4 broken in block 3: a flat account lost 7 quote"}
    pq.write_table(table.from_pylist([row], table.schema), path)
    code, told = run(folder, venues=("hyperliquid",))
    assert code == batch.INVARIANT_BROKE
    assert "broken: hyperliquid, hyperliquid_queue, seed 1: I-4 broken in block 3" in told


def test_a_killed_worker_loses_no_run(run: Run, tmp_path: Path) -> None:
    folder, killed = tmp_path / "c", threading.Event()

    def kill() -> None:
        """Kill a worker as soon as the first run is done."""
        while not list((folder / "runs").glob("*.parquet")):
            time.sleep(0.01)
        workers = sorted(multiprocessing.active_children(), key=lambda worker: worker.pid or 0)
        os.kill(workers[0].pid or 0, signal.SIGKILL)
        killed.set()

    threading.Thread(target=kill, daemon=True).start()
    code, _ = run(folder, venues=("hyperliquid",), seeds=4)
    assert killed.is_set()
    assert code == batch.DONE
    assert [row["seed"] for row in rows(folder)] == [1, 2, 3, 4]


def test_an_interrupt_keeps_what_is_done(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Interrupted(Batch):
        def do(self, jobs: Sequence[Job]) -> list[dict[str, Any]]:
            super().do(jobs[:1])
            raise KeyboardInterrupt

    monkeypatch.setattr(compare, "Batch", Interrupted)
    code, told = run(tmp_path / "c", venues=("hyperliquid",), seeds=3)
    assert code == compare.INTERRUPTED
    assert "interrupted: 1 of 3 runs are done" in told
    assert len(rows(tmp_path / "c")) == 1


def test_one_run_by_two_names_is_done_once(run: Run, tmp_path: Path) -> None:
    same = venue(tmp_path, "same", "at_risk_ppm = 30_000", "at_risk_ppm = 30_000")
    code, _ = run(tmp_path / "c", venues=("hyperliquid", same))
    assert code == batch.DONE
    first, second = rows(tmp_path / "c")
    assert first["key"] == second["key"]
    assert (first["knob_venue"], second["knob_venue"]) == ("hyperliquid", same)
    assert len(list((tmp_path / "c/runs").iterdir())) == 1


# --- the command line ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def script() -> ModuleType:
    """The script as Ape imports it."""
    spec = importlib.util.spec_from_file_location("compare_script", ROOT / "scripts/compare.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["nowhere"], "SCENARIO: found 'nowhere'"),
        (["thin", "--venues", "hyperliquid,mtgox"], "--venues: found 'mtgox'"),
        (["thin", "--venues", "hyperliquid,hyperliquid"], "--venues: found 'hyperliquid', allowed"),
        (["thin", "--policies", "vault"], "--policies: found 'vault', allowed: "),
        (["thin", "--policies", "hyperliquid_queue,"], "--policies: found ''"),
        (["thin", "--seeds", "0"], "--seeds: found 0, allowed: at least 1"),
        (["thin", "--seeds", "10001"], "--seeds: found '10001 runs', allowed: at most 10000"),
        (["thin", "--engine", "geth"], "--engine: found 'geth', allowed: ape or pyevm or revm"),
        (["thin", "--out", "spillway"], "--out: found 'spillway'"),
    ],
)
def test_bad_input_ends_with_2_one_line_and_nothing_written(
    script: ModuleType, tmp_path: Path, args: list[str], says: str
) -> None:
    out = [] if "--out" in args else ["--out", str(tmp_path / "c")]
    one_venue = [] if "--venues" in args else ["--venues", "hyperliquid"]
    result = CliRunner().invoke(script.cli, [*args, *one_venue, *out])
    assert result.exit_code == 2
    assert says in result.output
    assert result.output.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_all_presets_are_compared_unless_told(tmp_path: Path) -> None:
    jobs = compare.plan(Options("thin", FASTEST, tmp_path, Cluster()))
    assert [job.values["venue"] for job in jobs] == presets.names()
    assert [job.preset.name for job in jobs] == presets.names()


def test_a_venue_that_can_not_list_the_markets_is_compared_only_if_told(tmp_path: Path) -> None:
    """`oct10_cross` has twelve, and the account of a counterparty at most eight."""
    jobs = compare.plan(Options("oct10_cross", FASTEST, tmp_path, Cluster()))
    compared = {job.values["venue"] for job in jobs}
    assert compared == set(presets.names()) - {"gmx_v2"}
    told = Options("oct10_cross", FASTEST, tmp_path, Cluster(), venues=("gmx_v2",))
    with pytest.raises(BadInput, match=r"--venue: found 'gmx_v2', .* at most 8 markets"):
        compare.plan(told)


def test_more_traders_are_drawn_when_asked_for(tmp_path: Path) -> None:
    (job,) = compare.plan(
        Options("thin", FASTEST, tmp_path, Cluster(), venues=("hyperliquid",), traders=16)
    )
    assert sum(group.count for group in job.scenario.population) == 16


@pytest.mark.parametrize("policy", presets.POLICIES)
def test_any_policy_may_be_put_into_a_venue(tmp_path: Path, policy: str) -> None:
    told = Options(
        "thin", FASTEST, tmp_path, Cluster(), venues=("hyperliquid",), policies=(policy,)
    )
    (job,) = compare.plan(told)
    assert job.preset.adl.policy == policy
