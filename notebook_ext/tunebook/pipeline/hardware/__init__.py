"""Hardware: what a machine can train, in what memory and time, measured where it can be."""
