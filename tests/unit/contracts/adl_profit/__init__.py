"""Auto-deleveraging pro rata on session profit."""
