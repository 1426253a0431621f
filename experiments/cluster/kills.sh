#!/usr/bin/env bash
# Kill workers, actors and drivers of builds N times each (20), at random instants: kills.sh [N] [SEED]
set -euo pipefail
export OMP_NUM_THREADS=1 PYTHONPATH=.
for kind in process driver actor ray-driver; do
    .venv/bin/python experiments/cluster/kills.py "$kind" "${1:-20}" "${2:-1}"
done
