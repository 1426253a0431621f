"""Whose face it is: recognisers of others."""
