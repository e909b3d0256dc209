"""The AWS account: what is set up there once, and who may do what in it."""
