"""Collateral in and out."""
