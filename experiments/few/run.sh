#!/usr/bin/env bash
# Weights of drawn faces go on with 2, 4 or 8 people's photographs, four more people fit what their fused score weighs, and eight that
# nothing has seen are asked. Prints a table with intervals.
# Usage: experiments/few/run.sh SPEC OUT [WEIGHTS]     (a packaged name or a folder, pose-drawn-60; SPEC: cmu-faces:PATH after `mindseye data find-faces`)
# COUNTS ("2 4 8"), ALONE ("2 8": without the drawn faces) and ARCHITECTURE (mindseye-60, that of WEIGHTS) can be set in the environment. Three to seven minutes each of a Zen 5 core (docs/durations.md).
# A run that was stopped goes on where it was.
set -euo pipefail
cd "$(dirname "$0")/../.."
spec=${1:?SPEC, such as cmu-faces:faces.tar.gz} out=${2:?OUT, a folder} weights=${3:-pose-drawn-60}
rows=()
ask() {
    if [ ! -e "$out/$1/fitted" ]; then # once: the card then knows these four people
        .venv/bin/mindseye weights fit "$out/$1" "$spec" --protocol cmu-pose --people unseen --identities 4
        touch "$out/$1/fitted"
    fi
    .venv/bin/mindseye bench "$spec" --weights "$out/$1" --protocol cmu-few --out "$out/$1-asked"
    rows+=("$1=$out/$1-asked")
}
train() {
    .venv/bin/mindseye train "$spec" --protocol cmu-few --attribute pose --recipe tuned \
        --architecture "${ARCHITECTURE:-mindseye-60}" --config experiments/few/few.toml --out "$out/$1" "${@:2}" --resume
    ask "$1"
}
mkdir -p "$out/few-0"
for file in weights.safetensors weights.json; do
    [ ! -e "$out/few-0/fitted" ] || break
    packaged=generator/weights/$weights.${file##*.}
    if [ -e "$packaged" ]; then cp "$packaged" "$out/few-0/$file"; else cp "$weights/$file" "$out/few-0/"; fi
done
ask few-0
for count in ${COUNTS:-2 4 8}; do
    train "few-$count" --train-identities "$count" --start "$weights"
done
for count in ${ALONE:-2 8}; do
    train "alone-$count" --train-identities "$count"
done
.venv/bin/python -m experiments.seeds.table "${rows[@]}" --methods ours,fused,oracle-value,two-step-true/sface
