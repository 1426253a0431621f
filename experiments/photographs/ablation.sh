#!/usr/bin/env bash
# What each part of the fused score brings among photographs and among lifted people, each switched off alone; nothing is trained.
# Usage: experiments/photographs/ablation.sh CMU LONDON OUT [WEIGHTS]     (CMU: cmu-faces:PATH; LONDON: studio:PATH, which weights.sh lifts)
# Faces are found first, once; what is drawn and read is kept in OUT.
set -euo pipefail
cd "$(dirname "$0")/../.."
cmu=${1:?SPEC, such as cmu-faces:faces.tar.gz} london=${2:?SPEC, such as studio:lifts-london} out=${3:?OUT, a folder} weights=${4:-pose-mindseye-60}
mkdir -p "$out"
if [ ! -e "$out/landmarks.csv" ]; then
    .venv/bin/mindseye data find-faces "$cmu" --out "$out/finding.csv"
    mv "$out/finding.csv" "$out/landmarks.csv"
fi
name=$(basename "$weights")
.venv/bin/python -m experiments.photographs.parts "$cmu" "$out/$name-cmu.npz" --landmarks "$out/landmarks.csv" --protocol cmu-pose --weights "$weights"
.venv/bin/python -m experiments.photographs.parts "$london" "$out/$name-london.npz" --queries 1000 --weights "$weights"
