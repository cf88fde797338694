"""One tool a file, all with the same skeleton: prepare a chain, run calls, answer a read."""
