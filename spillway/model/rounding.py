"""The two divisions of the venue that Python's floor division is not."""


def ceil_div(numerator: int, denominator: int) -> int:
    """Return `numerator / denominator` rounded toward plus infinity; `denominator` > 0."""
    return -(-numerator // denominator)


def trunc_div(numerator: int, denominator: int) -> int:
    """Return `numerator / denominator` rounded toward zero, as the EVM divides."""
    quotient = abs(numerator) // abs(denominator)
    return quotient if (numerator < 0) == (denominator < 0) else -quotient
