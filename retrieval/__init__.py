"""The search itself: draw, embed, find."""
