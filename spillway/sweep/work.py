"""What one process of a sweep does: take a job, run it on a venue that stands already, report."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from dataclasses import dataclass
from functools import lru_cache
from threading import Lock
from typing import TYPE_CHECKING, Any

from spillway import crash, engines, metrics, record
from spillway.build import ROOT, build_all
from spillway.deploy import lever_policies
from spillway.errors import EngineError, SpillwayError
from spillway.timeline import needs_levers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spillway.build import Artifacts
    from spillway.crash import Run, Stage
    from spillway.presets import Preset
    from spillway.scenario import Scenario

SOLVENT, BROKEN, FAILED = "solvent", "broken", "failed"
STAGES_KEPT = 2  # venues that a process keeps deployed; each holds a chain in memory
_TURN = Lock()  # the threads of a worker share those


@dataclass(frozen=True, slots=True)
class Job:
    """A run to be done.

    Attributes:
        key: Says all that decides its result.
        values: Where the knobs stand.
        scenario: With the knobs turned.
        preset: The same.
        engine: As in `--engine`.
        contracts: Digest of those that it is to run on.
    """

    key: str
    values: Mapping[str, str]
    scenario: Scenario
    preset: Preset
    engine: str
    contracts: str


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a job: how it ended, the summary, and a row for each of its blocks."""

    job: Job
    status: str
    error: str = ""  # why it failed, or which invariant broke
    summary: Mapping[str, Any] | None = None
    blocks: tuple[Mapping[str, Any], ...] = ()


def key(scenario: Scenario, preset: Preset, engine: str, contracts: str) -> str:
    """Return what names a run: the same for the same inputs and contracts, whoever does it."""
    told = [scenario.model_dump_json(), preset.model_dump_json(), engine, contracts]
    return hashlib.sha256("\0".join(told).encode()).hexdigest()[:24]


def contracts_digest(artifacts: Artifacts) -> str:
    """Return a hash of all contracts."""
    digest = hashlib.sha256()
    for name in sorted(artifacts):
        digest.update(name.encode() + artifacts[name].bytecode)
    return digest.hexdigest()


def work(job: Job) -> Result:
    """Do a job, one at a time in a process. Whatever goes wrong with it is its result.

    Raises EngineError where this process has other contracts, as on a machine with another version.
    """
    with _TURN:
        return _work(job)


def _work(job: Job) -> Result:
    if _contracts() != job.contracts:
        raise EngineError(f"{ROOT} has other contracts")
    try:
        with_stage = _STAGES.at(job)
        run = crash.perform(with_stage, job.scenario)
        summary = metrics.summary(run)
    except SpillwayError as error:
        return Result(job, FAILED, str(error))
    except Exception as error:  # noqa: BLE001 (one bad run must not end the others)
        return Result(job, FAILED, f"{type(error).__name__}: {error}")
    blocks = tuple(record.block_rows(run))
    broken = finding(run)
    return Result(job, BROKEN if broken else SOLVENT, broken, summary, blocks)


def finding(run: Run) -> str:
    """Say which invariant broke in a run; "" where none did."""
    if run.findings:
        first = run.findings[0]
        return f"{first.invariant} broken in block {first.block}: {first.detail}"
    if run.tally.flat_loss:
        return f"I-4 broken: flat accounts lost {run.tally.flat_loss} quote"
    return ""


class _Stages:
    """Venues that this process has deployed, each with the snapshot that a run starts from."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, tuple[Stage, int]] = OrderedDict()

    def at(self, job: Job) -> Stage:
        """Return a venue as it was when it was deployed."""
        name = _stage_key(job)
        if name in self._kept:
            stage, token = self._kept.pop(name)
            stage.engine.revert(token)
        else:
            while len(self._kept) >= STAGES_KEPT:
                _, (oldest, _) = self._kept.popitem(last=False)
                oldest.engine.backend.close()
            chain = engines.start(job.engine, crash.genesis(job.scenario, job.preset))
            stage = crash.stage(chain, _artifacts(), job.scenario, job.preset)
        self._kept[name] = stage, stage.engine.snapshot()
        return stage


def _stage_key(job: Job) -> str:
    """Return what decides a deployment: genesis, the venue's rules, the markets' terms.

    The vault's deposits say what its fund begins with, the venue's own events what levers it has.
    """
    told = job.scenario
    terms = [market.model_dump_json(exclude={"path"}) for market in told.markets]
    genesis = repr(crash.genesis(told, job.preset))
    levers = repr((needs_levers(told), lever_policies(job.preset, told)))
    vault = told.vault.model_dump_json()
    return "\0".join((job.engine, genesis, job.preset.model_dump_json(), vault, levers, *terms))


@lru_cache(maxsize=1)
def _artifacts() -> Artifacts:
    return build_all()


@lru_cache(maxsize=1)
def _contracts() -> str:
    return contracts_digest(_artifacts())


_STAGES = _Stages()
