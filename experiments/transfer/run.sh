#!/usr/bin/env bash
# From drawn faces to photographs: which augmentation carries over. Trains mindseye-32 on drawn people with each of
# experiments/transfer/settings/*.toml, asks the photographs, and prints a table with intervals.
# Usage: experiments/transfer/run.sh SPEC OUT     (SPEC: cmu-faces:PATH after `mindseye data find-faces`; five minutes each of a Zen 5 core: docs/durations.md)
# A run that was stopped goes on where it was.
set -euo pipefail
cd "$(dirname "$0")/../.."
spec=${1:?SPEC, such as cmu-faces:faces.tar.gz} out=${2:?OUT, a folder}
.venv/bin/mindseye studio draw "$out/set" --identities 130 --attributes pose,illumination,accessory,expression \
    --value pose=-75,-60,-45,-30,-15,0,15,30,45,60,75 --value illumination=3,10,17 --value accessory=none,sunglasses \
    --value expression=neutral,happy --size 60 --seed 11
rows=()
for config in experiments/transfer/settings/*.toml; do
    name=$(basename "$config" .toml)
    .venv/bin/mindseye train "studio:$out/set" --protocol experiments/transfer/turns.toml --architecture mindseye-32 --recipe tuned \
        --config "$config" --attribute pose --out "$out/$name" --resume
    .venv/bin/mindseye bench "$spec" --weights "$out/$name" --protocol cmu-pose \
        --methods "ours,oracle-value,two-step-true/sface,random" --out "$out/$name-asked"
    rows+=("$name=$out/$name-asked")
done
.venv/bin/python -m experiments.seeds.table "${rows[@]}" --methods ours,oracle-value,two-step-true/sface
