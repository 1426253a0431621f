"""Measures, protocols and baselines of retrieval."""
