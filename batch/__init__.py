"""The run, and everything that a person touches."""
