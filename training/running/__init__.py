"""The loop: steps, evaluations, checkpoints, and what stops it."""
