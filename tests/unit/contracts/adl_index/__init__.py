"""Auto-deleveraging through an index of charges."""
