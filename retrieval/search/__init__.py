"""Queries: a wish is drawn, and its neighbours are found."""
