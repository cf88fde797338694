"""What the two py-evm engines share: running one call on a state, and reading its result."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eth.exceptions import OutOfGas, Revert
from eth.vm.message import Message
from eth_typing import Address as CanonicalAddress

from spillway.engines.protocol import Call, Outcome, RawLog

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eth.abc import ComputationAPI, StateAPI


def to_bytes(address: str) -> CanonicalAddress:
    """Turn a hex address into its 20 bytes."""
    return CanonicalAddress(bytes.fromhex(address[2:]))


def outcome(computation: ComputationAPI, gas_used: int) -> Outcome:
    """What became of a call whose outermost message was `computation`."""
    output, logs = bytes(computation.output), computation.get_log_entries()
    return Outcome(computation.is_success, gas_used, output, _error(computation), logs, _log)


def read(state: StateAPI, call: Call) -> Outcome:
    """Run `call` on `state` at its own block, and undo it."""
    if call.to is None:
        raise ValueError("a deployment can't be read")
    origin, to = to_bytes(call.sender), to_bytes(call.to)
    snapshot = state.snapshot()
    message = Message(call.gas, to, origin, call.value, call.data, state.get_code(to))
    context = state.get_transaction_context_class()(gas_price=0, origin=origin)
    computation = state.computation_class.apply_message(state, message, context)
    result = outcome(computation, computation.get_gas_used())
    state.revert(snapshot)
    return result


def _log(entry: tuple[bytes, Sequence[int], bytes]) -> RawLog:
    address, topics, data = entry
    words = tuple([topic.to_bytes(32, "big") for topic in topics])
    return RawLog("0x" + address.hex(), words, data)


def _error(computation: ComputationAPI) -> str:
    """The EVM's own reason for stopping; "" for success and for a contract's revert."""
    if computation.is_success or isinstance(computation.error, Revert):
        return ""
    if isinstance(computation.error, OutOfGas):
        return "out of gas"
    return type(computation.error).__name__
