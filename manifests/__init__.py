"""Ground floor: what a recording, a reference, a pointer and a shard are, and where they lie."""
