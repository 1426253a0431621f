"""Migrations of the catalogue, run by alembic when an older one is opened."""
