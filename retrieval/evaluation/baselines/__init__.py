"""Networks that are trained to compete."""
