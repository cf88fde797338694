# pragma version 0.4.3
"""
@title A 6-decimal token that can misbehave
@notice Stands for the collateral in tests and local runs. Anyone may mint, and anyone may choose
        how transfers behave from then on, so that a test shows what a venue does with such a token.
"""

from ethereum.ercs import IERC20


# How transfers behave:
# - HONEST: they move the amount and return true.
# - RETURNS_FALSE: they move nothing and return false.
# - RETURNS_NOTHING: they move the amount and return no data at all.
# - REVERTS: every transfer is refused.
# - TAKES_FEE: they move the amount; a tenth of it goes to nobody on the way.
# - REENTERS: they move the amount, then call the chosen target once, with the chosen data.
flag Mode:
    HONEST
    RETURNS_FALSE
    RETURNS_NOTHING
    REVERTS
    TAKES_FEE
    REENTERS

name: public(constant(String[4])) = "USDC"
symbol: public(constant(String[4])) = "USDC"
decimals: public(constant(uint8)) = 6

FEE_DIVISOR: constant(uint256) = 10
MAX_CALLDATA: constant(uint256) = 1024

# Units held by an account.
balanceOf: public(HashMap[address, uint256])

# Units that a spender may still move out of an owner's balance.
allowance: public(HashMap[address, HashMap[address, uint256]])

# Units in existence.
totalSupply: public(uint256)

# How transfers behave.
mode: public(Mode)

# Whom a transfer calls in mode REENTERS.
target: public(address)

# What it calls it with.
payload: public(Bytes[MAX_CALLDATA])

# Whether the last such call succeeded, and what it returned.
reentered: public(bool)
answer: public(Bytes[MAX_CALLDATA])


@deploy
def __init__():
    self.mode = Mode.HONEST


@external
def mint(to: address, amount: uint256):
    """
    @notice Create `amount` units for `to`.
    """
    self.totalSupply += amount
    self.balanceOf[to] += amount
    log IERC20.Transfer(sender=empty(address), receiver=to, value=amount)


@external
def behave(mode: Mode):
    """
    @notice Choose how transfers behave from now on.
    """
    self.mode = mode


@external
def reenter(target: address, payload: Bytes[MAX_CALLDATA]):
    """
    @notice The next transfer calls `target` with `payload` once the units have moved; the ones
            after it are honest.
    """
    self.mode = Mode.REENTERS
    self.target = target
    self.payload = payload


@external
def approve(spender: address, amount: uint256) -> bool:
    self.allowance[msg.sender][spender] = amount
    log IERC20.Approval(owner=msg.sender, spender=spender, value=amount)
    return True


# The two transfers return what an ERC-20 returns (one word, true or false), as raw bytes: a token
# written before the standard returns none.
@external
@raw_return
def transfer(to: address, amount: uint256) -> Bytes[32]:
    return self._transfer(msg.sender, to, amount)


@external
@raw_return
def transferFrom(owner: address, to: address, amount: uint256) -> Bytes[32]:
    if self.mode != Mode.RETURNS_FALSE:
        allowed: uint256 = self.allowance[owner][msg.sender]
        assert allowed >= amount, "usdc: not approved"
        if allowed != max_value(uint256):
            self.allowance[owner][msg.sender] = allowed - amount
    return self._transfer(owner, to, amount)


@internal
def _transfer(owner: address, to: address, amount: uint256) -> Bytes[32]:
    mode: Mode = self.mode
    assert mode != Mode.REVERTS, "usdc: transfers are off"
    if mode == Mode.RETURNS_FALSE:
        return abi_encode(False)

    assert self.balanceOf[owner] >= amount, "usdc: balance too low"
    fee: uint256 = 0
    if mode == Mode.TAKES_FEE:
        fee = amount // FEE_DIVISOR
    self.balanceOf[owner] -= amount
    self.balanceOf[to] += amount - fee
    self.totalSupply -= fee
    log IERC20.Transfer(sender=owner, receiver=to, value=amount - fee)

    if mode == Mode.REENTERS:
        self._reenter()
    if mode == Mode.RETURNS_NOTHING:
        return b""
    return abi_encode(True)


@internal
def _reenter():
    self.mode = Mode.HONEST
    success: bool = False
    response: Bytes[MAX_CALLDATA] = b""
    success, response = raw_call(
        self.target, self.payload, max_outsize=MAX_CALLDATA, revert_on_failure=False
    )
    self.reentered = success
    self.answer = response
