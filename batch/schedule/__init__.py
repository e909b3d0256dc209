"""Scheduled runs: what EventBridge Scheduler starts every night, and what the driver does then."""
