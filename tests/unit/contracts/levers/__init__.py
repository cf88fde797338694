"""Unit tests of the levers."""
