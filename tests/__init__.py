"""A package by name: another distribution ships a ``tests`` of its own, and would win otherwise."""
