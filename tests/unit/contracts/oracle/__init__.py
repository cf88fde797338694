"""The oracle, unit by unit."""
