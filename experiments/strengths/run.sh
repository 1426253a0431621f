#!/usr/bin/env bash
# Draw faces of exact strengths, measure what their landmarks tell; train a small network, and measure what it draws.
# Usage: experiments/strengths/run.sh OUT [PORTRAITS]
set -euo pipefail
cd "$(dirname "$0")/../.."
.venv/bin/mindseye studio draw "$1/strengths" --identities 11 --first-identity 20000 --size 160 \
  --attributes smile,jaw-open,eyes-closed --value smile=0,0.25,0.5,0.75,1 --value jaw-open=0,0.5,1 --value eyes-closed=0,0.5,1
.venv/bin/python -m experiments.strengths.landmarks "studio:$1/strengths" ${2:+--photographs "$2"}
for part in "train 40 23000" "test 20 23040"; do
  read -r name people first <<< "$part"
  .venv/bin/mindseye studio draw "$1/$name" --identities "$people" --first-identity "$first" \
    --attributes jaw-open,illumination --value jaw-open=0,0.5,1 --value illumination=4,10,17
done
.venv/bin/mindseye train "studio:$1/train" --attribute jaw-open --architecture mindseye-32 --recipe tuned \
  --config experiments/strengths/small.toml --out "$1/jaw-open-32"
.venv/bin/python -m experiments.strengths.monotone "$1/jaw-open-32" "studio:$1/test" --sheet "$1/drawn.png"
