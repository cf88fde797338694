"""Tests of the order book on its real pool."""
