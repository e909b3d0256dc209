"""The command line. Commands import what they need when they run, so that --help stays quick."""

from batch.cli.main import main

__all__ = ["main"]
