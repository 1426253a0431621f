"""One fold of a benchmark: its images, what its methods share, what is noted of it."""
