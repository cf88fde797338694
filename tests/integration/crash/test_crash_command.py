"""`ape run crash`: exit codes, what it prints, what it leaves behind."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result
from rich.console import Console

from spillway import command, scenario, waterfall_table
from spillway import metrics as metrics_module
from spillway.build import ROOT, Artifacts
from spillway.errors import InvariantBroken
from tests.chains import FOUNDRY, needs_anvil, needs_plugin

if TYPE_CHECKING:
    from types import ModuleType

    from spillway.crash import Run

BIN = Path(sys.executable).parent


@pytest.fixture(scope="module")
def script() -> ModuleType:
    """The script as Ape imports it."""
    import importlib.util  # noqa: PLC0415 (of this probe alone)

    spec = importlib.util.spec_from_file_location("crash_script", ROOT / "scripts/crash.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def crash(script: ModuleType, *args: str) -> Result:
    return CliRunner().invoke(script.cli, args)


def test_a_solvent_run_ends_with_0_and_a_table(
    script: ModuleType, artifacts: Artifacts, tmp_path: Path
) -> None:
    assert artifacts
    result = crash(script, "thin", "--engine", "pyevm", "--out", str(tmp_path / "run"))
    assert result.exit_code == 0, result.output
    assert "block 12 of 12" in result.output
    assert "solvent at every block" in result.output
    assert (tmp_path / "run/summary.json").is_file()


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["nowhere"], "SCENARIO: found 'nowhere'"),
        (["thin", "--venue", "mtgox"], "--venue: found 'mtgox'"),
        (["thin", "--engine", "geth"], "--engine: found 'geth', allowed: ape or pyevm or revm"),
        (["thin", "--engine", "pyevm", "--network", "x"], "--network: found 'x'"),
        (["thin", "--out", "spillway"], "--out: found 'spillway'"),
    ],
)
def test_bad_input_ends_with_2_one_line_and_nothing_written(
    script: ModuleType, tmp_path: Path, args: list[str], says: str
) -> None:
    out = [] if "--out" in args else ["--out", str(tmp_path / "run")]
    result = crash(script, *args, *out)
    assert result.exit_code == 2
    assert says in result.output
    assert result.output.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_bad_file_ends_with_2_one_line_and_nothing_written(
    script: ModuleType, tmp_path: Path
) -> None:
    path = tmp_path / "mine.toml"
    text = scenario.find("thin").read_text()
    path.write_text(text.replace("requote_bp", "reqoute_bp"))
    result = crash(script, str(path), "--out", str(tmp_path / "run"))
    assert result.exit_code == 2
    assert (
        f"{path}: book.reqoute_bp: found 5, allowed: a known key; the nearest is" in result.output
    )
    assert result.output.count("\n") == 1
    assert list(tmp_path.iterdir()) == [path]


def test_a_broken_invariant_ends_with_1(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: object) -> int:
        raise InvariantBroken("I-1", 3, (7,), "sizes sum to 1 lots")

    monkeypatch.setattr(command, "crash", broken)
    result = crash(script, "thin")
    assert result.exit_code == 1
    assert "I-1 broken in block 3 (accounts: 7)" in result.output


def test_an_unexpected_error_ends_with_3(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(_: object) -> int:
        raise RuntimeError("the disk is full")

    monkeypatch.setattr(command, "crash", failing)
    result = crash(script, "thin")
    assert result.exit_code == 3
    assert "RuntimeError: the disk is full" in result.output


@pytest.mark.parametrize(
    "how",
    [
        ["--engine", "pyevm"],
        pytest.param(["--network", FOUNDRY], marks=(needs_plugin, needs_anvil)),
    ],
)
def test_ctrl_c_ends_with_130_and_a_partial_run(
    artifacts: Artifacts, tmp_path: Path, how: list[str]
) -> None:
    """As a terminal sends it: to all processes of the command."""
    assert artifacts
    out = tmp_path / "run"
    args = [str(BIN / "ape"), "run", "crash", "thin", *how, "--out", str(out)]
    environment = {**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}", "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(  # noqa: S603 (our own)
        args,
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        process_group=0,
    ) as process:
        assert process.stdout is not None
        while not process.stdout.readline().startswith("block"):
            assert process.poll() is None, "it ended before its first block"
        os.killpg(process.pid, signal.SIGINT)
        process.stdout.read()
    assert process.returncode == 130
    summary = json.loads((out / "summary.json").read_text())
    assert summary["partial"] is True
    assert 0 < summary["blocks"] < 12


# --- the table -----------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [80, 120])
def test_the_table_fits_the_terminal(thin: Run, width: int) -> None:
    console = Console(width=width, record=True, file=io.StringIO())
    console.print(waterfall_table.render(thin, metrics_module.summary(thin)))
    lines = console.export_text().splitlines()
    assert max(map(len, lines)) <= width
    rows = [line.split()[0] for line in lines if line.strip()]
    # One line a layer: nothing is wrapped, nothing cut.
    for layer in ("book", "insurance", "backstop", "ADL", "socialised"):
        assert layer in rows
    assert "…" not in "".join(lines)


def test_money_is_rounded_for_people() -> None:
    money = waterfall_table.money
    assert [money("1234567.89"), money("-0.5"), money("0"), money("99.999")] == [
        "1,234,568",
        "-0.50",
        "0",
        "100.00",
    ]
    assert money("5000", sign=True) == "+5,000"
