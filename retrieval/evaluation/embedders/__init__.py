"""Embedders of others, that rivals search with: one file each."""
