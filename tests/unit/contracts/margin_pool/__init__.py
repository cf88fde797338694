"""The pool, verb by verb."""
