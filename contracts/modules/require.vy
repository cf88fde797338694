# pragma version 0.4.3
"""
@title require
@license MIT
@notice One place that reverts with a reason. An `assert` with a reason costs ~116 bytes of code each
        time, a call of this ~70: with some fifty refusals that decides whether the pool fits.
"""


# @param reason "<contract>: what is wrong", at most 32 bytes.
@internal
@pure
def _that(ok: bool, reason: String[32]):
    assert ok, reason
