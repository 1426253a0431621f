"""What a score is the sum of, and how sure an answer is."""
