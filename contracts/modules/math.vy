# pragma version 0.4.3
"""
@title math
@license MIT
@notice Named roundings and signed helpers. `//` truncates toward zero in Vyper, so every rounding
        that matters for value goes through a name here.
"""


# @dev a < 2**255 and 0 < b < 2**255 everywhere: the largest are the vault's products, below 2**253. A divisor
#      of 0 reverts.
@internal
@pure
def _ceil_div(a: uint256, b: uint256) -> uint256:
    return unsafe_add(a, unsafe_sub(b, 1)) // b


# @notice a / b toward minus infinity.
@internal
@pure
def _floor_div_signed(a: int256, b: uint256) -> int256:
    divisor: int256 = convert(b, int256)
    quotient: int256 = a // divisor
    # Toward zero: the product is not further from it than `a`.
    if a < 0 and unsafe_mul(quotient, divisor) != a:
        return unsafe_sub(quotient, 1)
    return quotient


# @notice a / b toward plus infinity.
@internal
@pure
def _ceil_div_signed(a: int256, b: uint256) -> int256:
    return -self._floor_div_signed(-a, b)


# @notice |a|, for values far inside int256.
@internal
@pure
def _magnitude(a: int256) -> uint256:
    return convert(max(a, unsafe_sub(0, a)), uint256)


# @notice The part of `a` above zero.
@internal
@pure
def _positive(a: int256) -> uint256:
    return convert(max(a, 0), uint256)


# @notice Number of set bits, ~60 gas each.
@internal
@pure
def _count_bits(bits: uint256) -> uint256:
    rest: uint256 = bits
    count: uint256 = 0
    for i: uint256 in range(256):
        if rest == 0:
            break
        rest &= unsafe_sub(rest, 1)
        count = unsafe_add(count, 1)
    return count


# @notice Index of the lowest set bit. `bits` must not be 0.
@internal
@pure
def _lowest_bit(bits: uint256) -> uint256:
    rest: uint256 = bits
    index: uint256 = 0
    if rest & (2**128 - 1) == 0:
        rest >>= 128
        index = 128
    if rest & (2**64 - 1) == 0:
        rest >>= 64
        index |= 64
    if rest & (2**32 - 1) == 0:
        rest >>= 32
        index |= 32
    if rest & (2**16 - 1) == 0:
        rest >>= 16
        index |= 16
    if rest & (2**8 - 1) == 0:
        rest >>= 8
        index |= 8
    if rest & 15 == 0:
        rest >>= 4
        index |= 4
    if rest & 3 == 0:
        rest >>= 2
        index |= 2
    if rest & 1 == 0:
        index |= 1
    return index
