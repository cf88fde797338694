"""Who acts in a run. Each looks at a read-only view and gives the calls that it wants to send."""
