"""Migrations of the tables that vectors are in."""
