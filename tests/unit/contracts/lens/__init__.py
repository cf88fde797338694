"""The Lens."""
