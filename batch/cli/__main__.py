"""``python -m batch.cli``: the command where no script of its name is installed."""

from batch.cli import main

main()
