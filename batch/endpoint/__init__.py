"""Endpoints: a model that answers at once, for trying it by hand."""
