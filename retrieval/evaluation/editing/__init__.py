"""Measures of editing: how good drawings are as pictures, besides what they find."""
