"""Training runs: asked for, run, resumed, looked at."""
