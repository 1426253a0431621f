"""Migrations, one a module."""
