#!/usr/bin/env bash
# Draw faces of exact strengths, and measure what their landmarks tell.
# Usage: experiments/strengths/run.sh OUT [PORTRAITS]
set -euo pipefail
cd "$(dirname "$0")/../.."
.venv/bin/mindseye studio draw "$1/strengths" --identities 11 --first-identity 20000 --size 160 \
  --attributes smile,jaw-open,eyes-closed --value smile=0,0.25,0.5,0.75,1 --value jaw-open=0,0.5,1 --value eyes-closed=0,0.5,1
.venv/bin/python -m experiments.strengths.landmarks "studio:$1/strengths" ${2:+--photographs "$2"}
