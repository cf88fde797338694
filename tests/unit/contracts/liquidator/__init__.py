"""The liquidator."""
