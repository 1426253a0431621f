"""The methods that a benchmark compares: ways to search one gallery for one set of queries."""
