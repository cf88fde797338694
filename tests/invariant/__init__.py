"""Any sequence of calls, judged by the invariants after each of them."""
