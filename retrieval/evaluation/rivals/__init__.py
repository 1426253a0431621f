"""Rivals that must be trained: on the same people, for as many updates, tuned as often as ours."""
