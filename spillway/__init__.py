"""A crash laboratory for perpetual-futures venues on a real EVM."""
