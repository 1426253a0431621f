"""What draws: one family of networks a file."""
