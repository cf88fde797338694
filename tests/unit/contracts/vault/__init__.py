"""Unit tests of the vault."""
