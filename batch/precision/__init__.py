"""Models converted for CPUs when a bundle is made, and the check that lets a quicker one in."""
