"""The networks: loaded, given a head, adapted; their loss and their masks."""
