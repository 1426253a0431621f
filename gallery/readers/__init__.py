"""Readers: one module per collection of images."""
