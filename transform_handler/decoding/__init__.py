"""From scores to words, their confidence, and segments."""
