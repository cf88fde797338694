"""A handle on a deployed contract."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from spillway.engines.protocol import DEFAULT_GAS, TX_GAS_LIMIT, ZERO_ADDRESS, Address, Call
from spillway.errors import EngineError, Reverted

if TYPE_CHECKING:
    from collections.abc import Callable

    from spillway.engines.codec import Function, Interface
    from spillway.engines.engine import Engine, Receipt


class Contract:
    """A contract at an address.

    - `contract.call.f(1, 2)` reads: runs `f` on the head's state and gives what it returns.
    - `contract.transact.f(1, 2, sender=trader)` mines one block with this call and gives the
      receipt; raises Reverted where the contract refuses.
    - `contract.build.f(1, 2, sender=trader)` only makes the Call, for `Engine.send_block` and
      `Engine.read_many`.
    """

    def __init__(self, engine: Engine, interface: Interface, address: Address) -> None:
        self.engine = engine
        self.interface = interface
        self.address = address
        self.build = _Methods(self, self._build)
        self.call = _Methods(self, self._call)
        self.transact = _Methods(self, self._transact)

    def __repr__(self) -> str:
        return f"{self.interface.name}({self.address})"

    def _build(
        self,
        function: Function,
        *args: Any,
        sender: Address = ZERO_ADDRESS,
        gas: int = DEFAULT_GAS,
        value: int = 0,
        label: str = "",
    ) -> Call:
        data = function.encode(args)
        return Call(sender, self.address, data, gas, value, label or function.label, function)

    def _call(self, function: Function, *args: Any, sender: Address = ZERO_ADDRESS) -> Any:
        return self.engine.read(self._build(function, *args, sender=sender))

    def _transact(
        self,
        function: Function,
        *args: Any,
        sender: Address,
        gas: int = TX_GAS_LIMIT,
        value: int = 0,
        timestamp: int | None = None,
    ) -> Receipt:
        call = self._build(function, *args, sender=sender, gas=gas, value=value)
        receipt = self.engine.send(call, timestamp)
        if not receipt.success:
            raise Reverted(receipt.reason, receipt.label)
        return receipt


class _Methods:
    """Looks a function up by name and hands it, with the arguments, to one way of calling it."""

    def __init__(self, contract: Contract, way: Callable[..., Any]) -> None:
        self._contract = contract
        self._way = way

    def __getattr__(self, name: str) -> Callable[..., Any]:
        function = self._contract.interface.functions.get(name)
        if function is None:
            raise EngineError(f"{self._contract.interface.name} has no function {name}")
        self.__dict__[name] = method = partial(self._way, function)
        return method
