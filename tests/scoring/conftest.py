"""Property tests of the scorer: first calls read tables, and a busy machine is no fault."""

from hypothesis import settings

settings.register_profile("scoring", deadline=None)
settings.load_profile("scoring")
