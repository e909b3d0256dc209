"""Sound: decoded, looked at, and cut into windows."""
