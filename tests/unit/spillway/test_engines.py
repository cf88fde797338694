"""What is the same whatever the engine: choosing one, packing, handles, the codec's refusals."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest
from eth_hash.auto import keccak
from eth_hash.backends import pysha3

from spillway import engines
from spillway.engines import Call
from spillway.engines.codec import reason
from spillway.engines.protocol import TX_GAS_LIMIT, ZERO_ADDRESS, pack
from spillway.errors import BadInput, EngineError

if TYPE_CHECKING:
    from spillway.build import Artifacts
    from spillway.engines import Address, Contract, Engine


@pytest.fixture(scope="module")
def harness(engine: Engine, artifacts: Artifacts, admin: Address) -> Contract:
    return engine.deploy(artifacts["EngineHarness"], 7, sender=admin)


def call(gas: int) -> Call:
    return Call(ZERO_ADDRESS, ZERO_ADDRESS, b"", gas)


# --- choosing ------------------------------------------------------------------------------------


def test_an_engine_that_does_not_exist_is_bad_input() -> None:
    with pytest.raises(BadInput, match="--engine: found 'geth', allowed: ape or pyevm or revm"):
        engines.start("geth")


@pytest.mark.parametrize("name", ["pyevm", "revm"])
def test_a_network_is_for_the_ape_engine_alone(name: str) -> None:
    with pytest.raises(BadInput, match="--network"):
        engines.start(name, network="ethereum:local:test")


def test_the_revm_engine_says_what_it_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "wake_rs", None)
    with pytest.raises(BadInput, match=r"--engine: found 'revm', .* -r requirements-revm\.lock$"):
        engines.start("revm")


# --- packing -------------------------------------------------------------------------------------


def test_calls_are_packed_in_order_by_what_they_declare() -> None:
    calls = [call(gas) for gas in (40, 60, 1, 99, 100, 50)]
    assert list(pack(calls, 10, 100)) == [
        (10, calls[:2]),
        (11, calls[2:4]),
        (12, calls[4:5]),
        (13, calls[5:]),
    ]


def test_no_calls_are_one_empty_block() -> None:
    assert list(pack([], 10, 100)) == [(10, [])]


@pytest.mark.parametrize("limit", [100, TX_GAS_LIMIT * 10])
def test_a_call_that_declares_too_much_is_refused(limit: int) -> None:
    most = min(limit, TX_GAS_LIMIT)
    assert len(list(pack([call(most)], 10, limit))) == 1
    with pytest.raises(EngineError, match=f"declares {most + 1} gas, at most {most}"):
        list(pack([call(1), call(most + 1)], 10, limit))


# --- handles -------------------------------------------------------------------------------------


def test_a_handle_knows_its_functions(harness: Contract) -> None:
    assert harness.call.count() == 7
    with pytest.raises(EngineError, match="EngineHarness has no function counter"):
        harness.call.counter()


@pytest.mark.parametrize(
    ("function", "args"),
    [
        ("write", (1, 2)),
        ("write", (1, 2, -1)),
        ("write", (1, 2, 2**256)),
        ("write", (1, 2, 1.0)),
        ("write", (1, 2, True)),
        ("balance_of", ("0x1234",)),
        ("balance_of", (12,)),
        ("precompiles", (b"short", 27, 1, 1)),
        ("draw", ({"name": "no points"},)),
        ("draw", (("a name", [(1, 256)]),)),
        ("bump", (5,)),
    ],
)
def test_arguments_that_do_not_fit_are_refused(
    harness: Contract, function: str, args: tuple[Any, ...]
) -> None:
    with pytest.raises(EngineError, match=f"EngineHarness.{function}"):
        getattr(harness.build, function)(*args)


def test_a_built_call_carries_what_was_asked(harness: Contract, trader: Address) -> None:
    built = harness.build.bump("n", sender=trader, gas=123_456, label="trader bumps")
    assert (built.sender, built.to, built.gas) == (trader, harness.address, 123_456)
    receipt = harness.engine.send(built)
    assert (receipt.label, receipt.success) == ("trader bumps", True)


def test_reading_nothing_where_a_value_is_due_is_an_error(
    engine: Engine, artifacts: Artifacts, outsider: Address
) -> None:
    nobody = engine.attach(artifacts["EngineHarness"], outsider)
    with pytest.raises(EngineError, match=r"EngineHarness\.count returned no data"):
        nobody.call.count()


def test_all_that_is_hashed_is_hashed_by_the_fast_library() -> None:
    assert keccak.hasher == pysha3.keccak256


def test_a_log_without_a_known_event_is_an_error(
    engine: Engine, harness: Contract, admin: Address
) -> None:
    stranger = engine.sender(20)
    spawned = harness.call.spawn(harness.address)
    harness.transact.spawn(harness.address, sender=admin)
    data = harness.build.bump("x").data
    receipt = engine.send(Call(stranger, spawned, data, label="stranger bumps"))
    with pytest.raises(EngineError, match="stranger bumps: a log of"):
        _ = receipt.events


@pytest.mark.parametrize(
    ("output", "error", "expected"),
    [
        (b"", "", ""),
        (b"", "out of gas", "out of gas"),
        (bytes.fromhex("4e487b71") + (17).to_bytes(32, "big"), "", "panic 0x11"),
        (b"\1\2", "", "0x0102"),
    ],
)
def test_a_failure_is_told_by_the_best_reason_there_is(
    output: bytes, error: str, expected: str
) -> None:
    assert reason(output, error) == expected
