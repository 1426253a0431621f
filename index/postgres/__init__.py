"""Vectors of a collection in PostgreSQL, beside its catalogue: pgvector."""
