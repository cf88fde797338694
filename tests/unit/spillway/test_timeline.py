"""Timed events: when they happen, how long they last, and what a file may not say of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from spillway import scenario, tables, timeline
from spillway.errors import BadInput

if TYPE_CHECKING:
    from pathlib import Path

    from spillway.scenario import Scenario

WITHDRAW = 'at = 6\nwhat = "withdraw"\nwho = "saver"\namount_usd = 1_000'
OUTAGE = 'at = 3\nwhat = "outage"\nwho = "{}"'
MAINTENANCE = 'at = 2\nwhat = "maintenance"\nwho = "venue"\nmarket = "BTC"\nleverages = [20, 10]'
CAP = 'at = 2\nwhat = "cap"\nwho = "venue"\nmarket = "BTC"\nsize = 3'
POLICY = 'at = 3\nwhat = "policy"\nwho = "venue"\npolicy = "size_queue"'
TOP_UP = 'at = 1\nwhat = "top_up"\nwho = "venue"\namount_usd = 5'
ORDER = 'at = 2\nwhat = "order"\nwho = "saver"\nmarket = "BTC"\nside = "buy"\n'


def with_events(folder: Path, *events: str) -> Path:
    """A copy of scenario `thin` with other events; the clock of `thin` starts at midnight."""
    text = scenario.find("thin").read_text()
    path = folder / "scenario.toml"
    head = text[: text.index("[[events]]")]
    path.write_text(head + "\n".join(f"[[events]]\n{event}\n" for event in events))
    return path


def told(folder: Path, *events: str) -> Scenario:
    return scenario.load(with_events(folder, *events))


def blocks_without(who: str, run: Scenario) -> list[int]:
    return [block for block in range(12) if timeline.absent(run, who, block)]


# --- when ----------------------------------------------------------------------------------------


def test_an_act_is_due_once(tmp_path: Path) -> None:
    run = told(tmp_path, WITHDRAW, OUTAGE.format("traders"))
    assert [(block, event.what) for block, event in timeline.acts(run)] == [(6, "withdraw")]


@pytest.mark.parametrize(
    ("at", "block"),
    [
        ("0", 0),
        ("2025-01-01T00:00:00Z", 0),
        ("2025-01-01T00:00:01Z", 1),  # blocks of 15 s: the first that is not earlier
        ("2025-01-01T00:00:15Z", 1),
        ("2025-01-01T01:01:00+01:00", 4),
        ("2025-01-01T00:02:45Z", 11),
    ],
)
def test_a_time_is_the_first_block_that_is_not_earlier(tmp_path: Path, at: str, block: int) -> None:
    ((due, _),) = timeline.acts(told(tmp_path, WITHDRAW.replace("at = 6", f"at = {at}")))
    assert due == block


def test_acts_are_in_the_order_of_their_blocks_then_of_the_file(tmp_path: Path) -> None:
    first, second = WITHDRAW, WITHDRAW.replace("withdraw", "deposit")
    early = WITHDRAW.replace("at = 6", "at = 2025-01-01T00:00:30Z")
    acts = timeline.acts(told(tmp_path, first, second, early))
    assert [(block, event.what) for block, event in acts] == [
        (2, "withdraw"),
        (6, "withdraw"),
        (6, "deposit"),
    ]


def test_an_outage_lasts_until_it_ends(tmp_path: Path) -> None:
    until = OUTAGE.format("reporters") + "\nuntil = 2025-01-01T00:01:15Z"
    run = told(tmp_path, until)
    assert blocks_without("reporters", run) == [3, 4]
    assert blocks_without("keepers", run) == []


def test_an_outage_without_an_end_lasts_to_the_end_of_the_run(tmp_path: Path) -> None:
    assert blocks_without("keepers", told(tmp_path, OUTAGE.format("keepers"))) == [*range(3, 12)]


def test_without_the_venue_all_are_cut_off_but_oracle_and_keepers(tmp_path: Path) -> None:
    run = told(tmp_path, OUTAGE.format("venue") + "\nuntil = 4")
    groups = ("traders", "depositors", "makers", "keepers", "reporters")
    assert [who for who in groups if blocks_without(who, run)] == [
        "traders",
        "depositors",
        "makers",
    ]


def test_makers_who_leave_are_not_cut_off(tmp_path: Path) -> None:
    run = told(tmp_path, 'at = 3\nwhat = "leave"\nwho = "makers"\nuntil = 5')
    assert [block for block in range(12) if timeline.left(run, block)] == [3, 4]
    assert blocks_without("makers", run) == []


# --- levers --------------------------------------------------------------------------------------


def test_what_the_venue_does_is_apart_from_what_people_do(tmp_path: Path) -> None:
    run = told(tmp_path, POLICY, WITHDRAW, MAINTENANCE, TOP_UP, CAP)
    of_venue = [(block, event.what) for block, event in timeline.acts(run, of_venue=True)]
    assert of_venue == [(1, "top_up"), (2, "maintenance"), (2, "cap"), (3, "policy")]
    assert [event.what for _, event in timeline.acts(run)] == ["withdraw"]


@pytest.mark.parametrize(
    ("event", "needed"),
    [(MAINTENANCE, True), (CAP, True), (POLICY, True), (TOP_UP, False), (WITHDRAW, False)],
)
def test_a_venue_has_levers_only_where_the_story_pulls_one(
    tmp_path: Path, event: str, needed: bool
) -> None:
    assert timeline.needs_levers(told(tmp_path, event)) == needed


@pytest.mark.parametrize(
    ("left_out", "rest"),
    [
        ("", ["policy", "withdraw", "maintenance", "top_up", "cap"]),
        ("cap", ["policy", "withdraw", "maintenance", "top_up"]),
        ("cap,withdraw,outage", ["policy", "maintenance", "top_up"]),
        ("levers", ["withdraw"]),
    ],
)
def test_events_of_some_sorts_are_left_out(tmp_path: Path, left_out: str, rest: list[str]) -> None:
    run = told(tmp_path, POLICY, WITHDRAW, MAINTENANCE, TOP_UP, CAP)
    assert [event.what for event in timeline.without(run, left_out).events] == rest


def test_a_sort_of_events_that_there_is_not_can_not_be_left_out(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="--without: found 'rain', allowed: some of outage, leave"):
        timeline.without(told(tmp_path, WITHDRAW), "rain")


def test_what_was_written_reads_back_the_same(tmp_path: Path) -> None:
    until = "\nuntil = 2025-01-01T00:02:00Z"
    order = ORDER + 'kind = "limit"\nprice = 90_000\nsize = 0.01\nreduce_only = false'
    run = told(tmp_path, WITHDRAW, OUTAGE.format("venue") + until, order, MAINTENANCE, POLICY)
    path = tmp_path / "written.toml"
    path.write_text(tables.written(run))
    assert scenario.load(path) == run


# --- what a file may not say ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("event", "says"),
    [
        (WITHDRAW.replace("6", "12"), r"events\[0\]\.at: found '12', allowed: .* 0 to 11"),
        (WITHDRAW.replace("6", "-1"), r"at: found -1, allowed: a block of the run, or a date"),
        (WITHDRAW.replace("6", "true"), r"at: found True, allowed: a block of the run, or a date"),
        (WITHDRAW.replace("6", "2025-01-01T00:00:00"), r"at: .* allowed: .* with its offset"),
        (WITHDRAW.replace("6", "2024-12-31T23:00:00Z"), r"at: .* allowed: a block, 0 to 11"),
        (WITHDRAW.replace("6", "2025-01-01T00:03:00Z"), r"at: .* allowed: a block, 0 to 11"),
        (WITHDRAW.replace("withdraw", "vanish"), r"what: found 'vanish', allowed: 'outage', "),
        (WITHDRAW.replace("saver", "nobody"), r"who: found 'nobody', allowed: one of long_40x, "),
        (WITHDRAW.replace("withdraw", "redeem"), r"who: found 'saver', allowed: one of depositor"),
        (WITHDRAW.replace("amount_usd", "amount"), r"amount: .* the nearest is 'amount_usd'"),
        (WITHDRAW.replace("amount_usd = 1_000", ""), r"amount_usd: found 'nothing', allowed: a "),
        (WITHDRAW + '\nmarket = "BTC"', r"market: found 'BTC', allowed: nothing with withdraw"),
        (WITHDRAW + "\nuntil = 8", r"until: found '8', allowed: nothing with withdraw"),
        (OUTAGE.format("miners"), r"who: found 'miners', allowed: one of traders, depositors"),
        (OUTAGE.format("traders") + "\nuntil = 3", r"until: found '3', allowed: later than `at`"),
        (OUTAGE.format("traders") + "\nuntil = 13", r"until: .* at most block 12, the end"),
        (OUTAGE.format("traders") + "\nsize = 1", r"size: found '1', allowed: nothing with outage"),
        ('at = 3\nwhat = "leave"\nwho = "traders"', r"who: found 'traders', .* one of makers"),
        (ORDER + 'kind = "market"', r"size: found 'nothing', allowed: a value with order"),
        (ORDER + 'kind = "market"\nsize = 0.000001', r"size: .* a multiple of 1e-5 BTC"),
        (ORDER + 'kind = "market"\nsize = 1\nprice = 9', r"price: .* nothing with a market order"),
        (ORDER + 'kind = "limit"\nsize = 1', r"price: found 'nothing', .* a value with limit"),
        (ORDER + 'kind = "limit"\nsize = 1\nprice = 9.12345', r"price: .* a legal price"),
        (ORDER + 'kind = "fok"\nsize = 1', r"kind: found 'fok', allowed: 'market', "),
        (MAINTENANCE.replace("venue", "saver"), r"who: found 'saver', allowed: one of venue"),
        (MAINTENANCE.replace(", 10", ""), r"leverages: found 1, .* one for each of its 2 tiers"),
        (MAINTENANCE.replace("[20", "[0"), r"leverages\[0\]: found 0, allowed: "),
        (MAINTENANCE.replace("20, 10", ""), r"leverages: found "),
        (MAINTENANCE.replace("leverages", "#"), r"leverages: found 'nothing', allowed: a value"),
        (CAP.replace("size", "#"), r"size: found 'nothing', allowed: a value with cap"),
        (CAP + "\nleverages = [20]", r"leverages: .* allowed: nothing with cap"),
        (POLICY.replace("size_queue", "luck"), r"policy: found 'luck', .* hyperliquid_queue"),
        (TOP_UP + '\npolicy = "size_queue"', r"policy: .* allowed: nothing with top_up"),
        (
            ORDER.replace("BTC", "ETH") + 'kind = "market"\nsize = 1',
            r"market: found 'ETH', allowed: a market of this scenario: BTC",
        ),
    ],
)
def test_what_can_not_be_is_refused_in_one_line(tmp_path: Path, event: str, says: str) -> None:
    with pytest.raises(BadInput, match=says) as caught:
        told(tmp_path, event)
    assert str(caught.value).startswith(f"{tmp_path}/scenario.toml: events[0].")
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2
