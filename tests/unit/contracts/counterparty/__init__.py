"""Tests of Counterparty."""
