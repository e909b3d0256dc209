"""Where in the recordings the errors are: when, beside what, and of which kind."""
