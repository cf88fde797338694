# pragma version 0.4.3
"""
@title clock
@license MIT
@notice Epochs, and since which epoch an account that turns flat is junior to a loss.
@dev An epoch is a block in which the oracle updated the pool. An account that turned flat in
     epoch `junior_since` or later held a position when a loss of this moment was made. That
     line follows the epoch, except while a deficit stands or a deleveraging is at work.
"""

MASK: constant(uint256) = 2**64 - 1

# epoch | block of the epoch << 64 | junior_since << 128 | held << 192
word: uint256


@deploy
def __init__():
    # Epoch 1 from the start: an account that was never anything but flat has flat_since 0.
    self.word = 1 | 1 << 128


@internal
@view
def _epoch() -> uint256:
    return self.word & MASK


@internal
@view
def _junior_since() -> uint256:
    return (self.word >> 128) & MASK


@internal
@view
def _held() -> bool:
    return self.word >> 192 != 0


@internal
def _hold(held: bool):
    self.word = (self.word & (2**192 - 1)) | convert(held, uint256) << 192


# @notice Open a new epoch with the first call of a block.
# @param frozen A deficit stands.
# @return The epoch, and whether the line of seniority moved up to it.
@internal
def _tick(frozen: bool) -> (uint256, bool):
    word: uint256 = self.word
    epoch: uint256 = word & MASK
    if (word >> 64) & MASK == block.number:
        return epoch, False
    epoch += 1
    held: uint256 = word >> 192
    moved: bool = not frozen and held == 0
    junior_since: uint256 = epoch if moved else (word >> 128) & MASK
    self.word = epoch | block.number << 64 | junior_since << 128 | held << 192
    return epoch, moved
