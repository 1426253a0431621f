"""Faces are found in photographs."""
