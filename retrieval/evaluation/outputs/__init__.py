"""What a benchmark leaves: files for people and for programs."""
