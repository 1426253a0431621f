#!/usr/bin/env bash
# Weights of both worlds: `pose-mindseye-60`, which has seen drawn people alone, goes on with lifted photographs and drawn people together.
# Usage: experiments/photographs/weights.sh PORTRAITS.tar.gz OUT
# What is finished is not done again. The people of held_out.txt and of London are trained on never.
set -euo pipefail
cd "$(dirname "$0")/../.."
archive=$(realpath "${1:?the archive of portraits}") out=${2:?OUT, a folder}
root=$PWD bin=$PWD/.venv/bin
mkdir -p "$out"
[ -d "$out/portraits" ] || tar -xzf "$archive" -C "$out"
[ -d "$out/photographs" ] || "$bin/python" -m experiments.photographs.split "$out/portraits" "$out/photographs"
cd "$out" # so that cards name sets, not where they lay
export PYTHONPATH=$root
lights=(--value illumination=0,2,4,6,8,10,12,17)
for part in train:lifts held-out:lifts-held-out london:lifts-london; do
    "$bin/mindseye" studio lift "folder:photographs/${part%%:*}" "${part##*:}" "${lights[@]}"
done
"$bin/mindseye" studio draw drawn --identities 120 --attributes pose,illumination "${lights[@]}" --size 60 --seed 0
"$bin/mindseye" train studio:lifts --also studio:drawn --start pose-mindseye-60 --architecture mindseye-60 --recipe tuned \
    --config "$root/experiments/photographs/both.toml" --attribute pose --out both --resume
