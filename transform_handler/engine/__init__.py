"""Models: windows of sound in, scores or words out."""
