"""Sound in the requests themselves, for containers that can read nothing."""
