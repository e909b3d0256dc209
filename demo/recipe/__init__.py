"""How the demo's speech was made; running the demo needs none of it."""
