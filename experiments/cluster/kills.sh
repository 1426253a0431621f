#!/usr/bin/env bash
# Kill all that a build rests on N times each (20), at random instants: kills.sh [N] [SEED] [IMAGES]
set -euo pipefail
export OMP_NUM_THREADS=1 PYTHONPATH=.
for kind in process driver actor node ray-driver backend server; do
    .venv/bin/python experiments/cluster/kills.py "$kind" "${1:-20}" "${2:-1}" ${3:+"$3"}
done
