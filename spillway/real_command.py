"""What `ape run crash oct10_real` does: read the tables, replay under each policy, show, write."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spillway import (
    crash,
    datasets,
    engines,
    presets,
    real_report,
    real_story,
    real_table,
    rebuild,
    record,
    replay,
)
from spillway.build import build_all
from spillway.errors import BadInput
from spillway.model.policies import QUEUES

if TYPE_CHECKING:
    from rich.console import Console

    from spillway.command import Options
    from spillway.presets import Preset
    from spillway.replay import Replay

SOLVENT, BROKEN = 0, 1


def replay_all(options: Options, console: Console) -> int:
    """Replay the recorded batches and write the folder of it; give the exit code.

    Raises BadInput, before anything is written, for options and tables that are not allowed.
    """
    for option, value in (("--seed", options.seed), ("--traders", options.traders)):
        if value is not None:
            raise BadInput("command line", option, value, "nothing: a replay draws nobody")
    story = real_story.load(options.scenario)
    preset = presets.load(presets.find(options.venue))
    policies = chosen(options.policies, preset)
    if options.engine not in engines.NAMES:
        raise BadInput("command line", "--engine", options.engine, " or ".join(engines.NAMES))
    folder = options.out or record.default_folder(story.name, preset.name)
    record.check_folder(folder)
    rebuilt = rebuild.rebuild(datasets.read(options.data), story.markets)
    told = real_story.as_scenario(story, rebuilt)
    console.print(real_table.tables_told(rebuilt, story))
    artifacts = build_all()
    replays: list[Replay] = []
    for policy in policies:
        under = presets.with_policy(preset, policy)
        genesis = real_story.genesis(told, under)
        with engines.start(options.engine, genesis, options.network) as chain:
            stage = crash.stage(chain, artifacts, told, under)
            replays.append(replay.perform(stage, told, story, rebuilt))
        console.print(real_table.progress(replays[-1]))
    summary = real_report.write(folder, story, preset, rebuilt, replays)
    console.print(real_table.render(summary))
    console.print(f"written to {folder}", soft_wrap=True)
    return BROKEN if any(each.findings for each in replays) else SOLVENT


def chosen(told: str, preset: Preset) -> list[str]:
    """Return the policies to replay under, the preset's own first. Raises BadInput."""
    there = QUEUES
    names = [name.strip() for name in told.split(",")] if told else there
    for name in names:
        if name not in there:
            raise BadInput("command line", "--policies", name, ", ".join(there))
    return sorted(set(names), key=lambda name: (name != preset.adl.policy, name))
