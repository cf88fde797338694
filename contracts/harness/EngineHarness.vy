# pragma version 0.4.3
"""
@title What engines must agree on
@notice Exercises the parts of an EVM whose behaviour or price differs between implementations:
        block fields, cold and warm storage, refunds, reverts, gas left, creation, precompiles.
"""


struct Point:
    x: int256
    y: uint8


struct Shape:
    name: String[16]
    points: DynArray[Point, 4]


event Counted:
    who: indexed(address)
    count: uint256
    note: String[16]


event Drawn:
    shape: Shape
    digest: indexed(bytes32)


SLOTS: constant(uint256) = 64

# How often `bump` ran.
count: public(uint256)

# Words to read and write, cold or warm.
slots: public(uint256[SLOTS])

# The last shape drawn.
drawn: Shape


@deploy
@payable
def __init__(count: uint256):
    assert count < 100, "harness: count too high"
    self.count = count


@external
def bump(note: String[16]) -> uint256:
    self.count += 1
    log Counted(who=msg.sender, count=self.count, note=note)
    return self.count


@external
def write(start: uint256, amount: uint256, word: uint256):
    for i: uint256 in range(amount, bound=SLOTS):
        self.slots[start + i] = word


@external
def write_and_undo(word: uint256):
    """
    @notice Writes a slot and puts the old word back in the same transaction: the largest refund.
    """
    old: uint256 = self.slots[0]
    self.slots[0] = word
    self.slots[0] = old


@external
@view
def sum(amount: uint256) -> uint256:
    total: uint256 = 0
    for i: uint256 in range(amount, bound=SLOTS):
        total += self.slots[i]
    return total


@external
def draw(shape: Shape):
    self.drawn = shape
    log Drawn(shape=shape, digest=keccak256(shape.name))


@external
@view
def shape() -> Shape:
    return self.drawn


@external
@view
def pair() -> (uint256, address):
    return self.count, self


@external
def refuse(reason: String[32]):
    raise reason


@external
def refuse_silently():
    raise


@external
def panic(divisor: uint256) -> uint256:
    self.count += 1
    return 100 // divisor


@external
def spin():
    """
    @notice Runs until its gas is gone.
    """
    for i: uint256 in range(1_000_000):
        self.count += 1


@external
def outlive(target: address, payload: Bytes[256], gas_limit: uint256) -> bool:
    """
    @notice Goes on after an inner call, whether that one failed or not.
    """
    self.count += 1
    return raw_call(target, payload, gas=gas_limit, revert_on_failure=False)


@external
def spawn(target: address) -> address:
    """
    @notice Creates a contract: a minimal proxy of `target`.
    """
    return create_minimal_proxy_to(target)


@external
@nonreentrant
def locked(target: address, payload: Bytes[256]):
    """
    @notice Calls `target` under the lock: transient storage, and the lock's own refusal.
    """
    raw_call(target, payload)


@external
@payable
def keep():
    pass


@external
@view
def block_fields() -> (uint256, uint256, address, uint256, uint256, uint256, bytes32):
    return (
        block.number,
        block.timestamp,
        block.coinbase,
        block.gaslimit,
        block.basefee,
        chain.id,
        block.prevrandao,
    )


@external
@view
def transaction_fields() -> (address, address, uint256):
    return msg.sender, tx.origin, tx.gasprice


@external
@view
def precompiles(hash: bytes32, v: uint256, r: uint256, s: uint256) -> (address, bytes32):
    return ecrecover(hash, v, r, s), sha256(hash)


@external
@view
def balance_of(account: address) -> (uint256, uint256, bytes32):
    return account.balance, account.codesize, account.codehash


@external
@view
def left() -> uint256:
    return msg.gas
