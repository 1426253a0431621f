"""What a benchmark asks: protocols, queries, wishes, right answers."""
