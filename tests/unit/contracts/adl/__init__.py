"""Auto-deleveraging."""
