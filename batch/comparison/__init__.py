"""Two scored runs side by side: what changed, and whether the second is worse."""
