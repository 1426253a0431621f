"""Photographs lifted to heads that can be turned and lit (docs/studio.md, "Lifts")."""
