"""Reference of the venue's arithmetic in plain integers.

The oracle of the differential tests, and the source of equities when a run is observed block by
block. Quote is 1e-18 USD, a price is quote per lot, a long size is positive, a funding index grows
when longs pay. Nothing here rounds but through the helpers of `rounding`.
"""
