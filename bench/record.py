"""Records the three works, each once, on one engine: what they hold is the same on all."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bench.work import Step, Work
from spillway import crash, presets, scenario
from spillway.build import build_all
from spillway.engines import Engine, Genesis
from spillway.engines.accounts import create_address, sender
from spillway.engines.pyevm import PyEvm
from spillway.engines.revm import Revm
from spillway.errors import BadInput, Reverted
from tests import bench as benches
from tests.bench import ALO, IOC, USD

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from spillway.engines.protocol import Backend, Call, Outcome

SENDERS = 64
PAYERS = 40
BLOCK = 100  # calls of A and B in a block
LOT = 10**5  # lots a coin
LOTS = 100  # a fill
PRICE = 100_000 * USD // LOT
GENESIS = Genesis(timestamp=1_760_126_400, senders=SENDERS)


@dataclass
class Recorder:
    """A backend that keeps what it mines."""

    inner: Backend
    steps: list[Step] = field(default_factory=list)
    gas: list[int] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def mine(self, calls: Sequence[Call], timestamp: int) -> list[Outcome]:
        """Mine, and keep the calls with the gas that they used."""
        nonces: dict[str, int] = {}
        for call in calls:
            nonce = nonces.get(call.sender, self.inner.nonce(call.sender))
            nonces[call.sender] = nonce + 1
            self.steps.append(_step(call, timestamp, nonce))
        outcomes = self.inner.mine(calls, timestamp)
        self.gas += (outcome.gas_used for outcome in outcomes)
        return outcomes


def transfers(count: int = 10_000) -> Work:
    """Work A: transfers of an ERC-20 by 40 holders to one receiver."""
    recorder = Recorder(PyEvm(GENESIS))
    engine = Engine(recorder)  # what it does not define is delegated
    usdc = engine.deploy(build_all()["USDC"], sender=engine.sender(0))
    receiver = engine.sender(SENDERS - 1)
    for index in range(PAYERS):
        usdc.transact.mint(engine.sender(index), 10**12, sender=engine.sender(index))
    usdc.transact.mint(receiver, 1, sender=receiver)
    calls = [
        usdc.build.transfer(receiver, 1 + index, sender=engine.sender(index % PAYERS), gas=100_000)
        for index in range(count)
    ]
    check = usdc.build.balanceOf(receiver)
    names = ("A", f"{count:,} ERC-20 transfers")
    return _recorded(names, recorder, engine, calls, check)


def fills(count: int = 2_000) -> Work:
    """Work B: orders that take from a resting one."""
    recorder = Recorder(PyEvm(GENESIS))
    engine = Engine(recorder)
    bench = benches.deploy(
        engine, build_all(), engine.sender(0), engine.sender(3), taker_fee=450, maker_fee=150
    )
    bench.list_market(40, 5, tiers=[(150_000_000, 20)])
    bench.pool.transact.advance([(0, PRICE, PRICE, 0)], sender=bench.oracle)
    maker, taker = bench.open("maker", 10**6), bench.open("taker", 10**6)
    order = (False, PRICE, (count + 1) * LOTS, ALO, False)
    bench.book.transact.place(maker, 0, order, sender=bench.owners[maker])
    take = (True, PRICE, LOTS, IOC, False)
    build, owner = bench.book.build.place, bench.owners[taker]
    bench.book.transact.place(taker, 0, take, sender=owner)  # a fill that opens costs more
    calls = [build(taker, 0, take, sender=owner, gas=1_000_000) for _ in range(count)]
    check = bench.pool.build.position(taker, 0)
    names = ("B", f"{count:,} fills of the venue")
    return _recorded(names, recorder, engine, calls, check)


def whole_run(name: str = "oct10_btc", blocks: int | None = None) -> Work:
    """Work C without reads and rehearsals: the transactions of a scenario.

    Rehearsals mine on the backend itself, and so never through the recorder.
    """
    told, preset = scenario.load(scenario.find(name)), presets.load(presets.find("hyperliquid"))
    genesis = crash.genesis(told, preset)
    recorder = Recorder(_fastest(genesis))
    with Engine(recorder, genesis.gas_limit) as engine:
        stage = crash.stage(engine, build_all(), told, preset)
        begin = len(recorder.steps)
        crash.perform(stage, told, lambda run: len(run.blocks) != blocks)
        check = stage.contracts.pool.build.solvency()
        answer = recorder.inner.call(check).output.hex()
    steps, gas = recorder.steps[begin:], recorder.gas[begin:]
    return Work(
        name="C",
        title=f"{len(steps):,} transactions of {name}",
        timestamp=genesis.timestamp,
        keys={sender(i).address: sender(i).key.hex() for i in range(genesis.senders)},
        abis={},
        setup=tuple(recorder.steps[:begin]),
        calls=tuple(steps),
        gas=tuple(gas),
        check=(str(check.to), check.data.hex(), (*[""] * (len(steps) - 1), answer)),
    )


def _fastest(genesis: Genesis) -> Backend:
    """Engine `revm` where it is installed: the transactions are the same on every engine."""
    try:
        return Revm(genesis)
    except BadInput:
        return PyEvm(genesis)


def _recorded(
    names: tuple[str, str], recorder: Recorder, engine: Engine, calls: list[Call], check: Call
) -> Work:
    """Do `calls` one by one, and note the answer of `check` after each."""
    setup, answers = tuple(recorder.steps), []
    recorder.steps, recorder.gas = [], []
    start = engine.head.timestamp + 1
    for call in calls:
        receipt = engine.send(call)
        if not receipt.success:
            raise Reverted(receipt.reason, receipt.label)
        answers.append(recorder.inner.call(check).output.hex())
    steps = [_step(call, start + index // BLOCK, 0) for index, call in enumerate(calls)]
    called = sorted({step.contract for step in (*setup, *steps) if step.contract})
    return Work(
        name=names[0],
        title=names[1],
        timestamp=GENESIS.timestamp,
        keys={engine.sender(i): sender(i).key.hex() for i in range(SENDERS)},
        abis={each: [_as_declared(entry) for entry in build_all()[each].abi] for each in called},
        setup=setup,
        calls=tuple(steps),
        gas=tuple(recorder.gas),
        check=(str(check.to), check.data.hex(), tuple(answers)),
    )


def _as_declared(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    """The ABI entry that ERC-20 gives `transfer`, which the mock returns raw bytes for."""
    if entry.get("name") not in {"transfer", "transferFrom"}:
        return entry
    return {**entry, "outputs": [{"name": "", "type": "bool"}]}


def _step(call: Call, timestamp: int, nonce: int) -> Step:
    function = call.function
    contract, _, name = function.label.partition(".") if function else ("", "", "")
    return Step(
        timestamp=timestamp,
        sender=call.sender,
        to=call.to,
        data=call.data.hex(),
        gas=call.gas,
        contract=contract,
        function=name,
        args=tuple(function.arguments(call.data)) if function else (),
        address="" if call.to else create_address(call.sender, nonce),
    )
