# pragma version 0.4.3
"""
@title ticks
@license MIT
@notice Legal prices, counted.
@dev Let u = price / PRICE_UNIT, the price in USD times 10**(6 - size_decimals). A price is legal
     where u is whole and has at most 5 significant digits, or is a whole number of USD. Counting
     the legal prices upwards, u below 10**5 is its own index, and each further decade holds
     90,000 of them, `10**coarseness` apart, until the step is one USD and stays so:

         index = 90,000 * coarseness + u / 10**coarseness

     The count is dense and grows with the price, so neighbours in the book are neighbours here.
"""

# Quote per lot of the finest step in every market: 1e18 / 10**6.
PRICE_UNIT: constant(uint256) = 10**12
# The finest step of any market is 10**-DECIMALS USD per unit of the asset.
DECIMALS: constant(uint256) = 6
SIGNIFICANT: constant(uint256) = 10**5
PER_DECADE: constant(uint256) = 9 * 10**4


# @notice The highest legal price that is not above `price`, as an index. 0 is below all prices.
@internal
@pure
def _at_or_below(price: uint256, size_decimals: uint256) -> uint256:
    step: uint256 = price // PRICE_UNIT
    coarseness: uint256 = 0
    for i: uint256 in range(DECIMALS - size_decimals, bound=DECIMALS):
        if step < SIGNIFICANT:
            break
        step //= 10
        coarseness += 1
    return PER_DECADE * coarseness + step


# @notice The lowest legal price that is not below `price`, as an index.
@internal
@pure
def _at_or_above(price: uint256, size_decimals: uint256) -> uint256:
    index: uint256 = self._at_or_below(price, size_decimals)
    if self._price(index, size_decimals) == price:
        return index
    return index + 1


# @notice The price of an index, quote per lot.
# @dev An index comes from `_at_or_below`, and its price is not above the one that went in, or it is the next one,
#      a step above that: nothing wraps. 0 gives 0.
@internal
@pure
def _price(index: uint256, size_decimals: uint256) -> uint256:
    coarseness: uint256 = 0
    if index >= SIGNIFICANT:
        decades: uint256 = unsafe_sub(index, SIGNIFICANT) // PER_DECADE
        coarseness = min(unsafe_add(decades, 1), DECIMALS - size_decimals)
    steps: uint256 = unsafe_sub(index, unsafe_mul(PER_DECADE, coarseness))
    return unsafe_mul(unsafe_mul(steps, 10**coarseness), PRICE_UNIT)
