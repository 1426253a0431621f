#!/usr/bin/env bash
# Photographs asked with weights that have seen none of these people, and no label of them: a table with 95 % intervals over people.
# Usage: experiments/photographs/run.sh SPEC OUT [WEIGHTS ...]     (SPEC: cmu-faces:PATH; WEIGHTS: packaged names or folders, default pose-mindseye-60)
# Faces are found first, once. PROTOCOL (cmu-pose) can be set in the environment. A run that was stopped goes on where it was.
set -euo pipefail
cd "$(dirname "$0")/../.."
spec=${1:?SPEC, such as cmu-faces:faces.tar.gz} out=${2:?OUT, a folder}
shift 2
[ $# -gt 0 ] || set -- pose-mindseye-60
mkdir -p "$out"
if [ ! -e "$out/landmarks.csv" ]; then
    .venv/bin/mindseye data find-faces "$spec" --out "$out/finding.csv"
    mv "$out/finding.csv" "$out/landmarks.csv"
fi
for weights in "$@"; do
    asked=$out/$(basename "$weights")
    .venv/bin/mindseye bench "$spec" --landmarks "$out/landmarks.csv" --weights "$weights" --protocol "${PROTOCOL:-cmu-pose}" --portraits \
        --methods "ours,fused,landmarks+sface,two-step-true/sface,random" --out "$asked"
    .venv/bin/python -m experiments.photographs.table "$spec" "$asked/results.json" --protocol "${PROTOCOL:-cmu-pose}"
done
