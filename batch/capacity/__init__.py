"""What jobs can take, how fast they are, and what they cost."""
