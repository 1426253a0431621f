#!/usr/bin/env bash
# Weights of both worlds: weights that have seen drawn people alone go on with lifted photographs and drawn people together.
# Usage: experiments/photographs/weights.sh PORTRAITS.tar.gz OUT [START]     (START: weights of drawn people alone, by default the packaged ones)
# What is finished is not done again. The people of held_out.txt and of London are trained on never.
set -euo pipefail
cd "$(dirname "$0")/../.."
archive=$(realpath "${1:?the archive of portraits}") out=${2:?OUT, a folder} start=${3:-pose-drawn-60}
root=$PWD bin=$PWD/.venv/bin
mkdir -p "$out"
[ -d "$out/portraits" ] || tar -xzf "$archive" -C "$out"
[ -d "$out/photographs" ] || "$bin/python" -m experiments.photographs.split "$out/portraits" "$out/photographs"
cd "$out" # so that cards name sets, not where they lay
export PYTHONPATH=$root
lights=(--value illumination=0,2,4,6,8,10,12,17) odd=(--value illumination=1,3,5,7,9,11,13,17)
for part in train:lifts held-out:lifts-held-out london:lifts-london; do
    "$bin/mindseye" studio lift "folder:photographs/${part%%:*}" "${part##*:}" "${lights[@]}"
done
"$bin/mindseye" studio draw drawn --identities 120 --attributes pose,illumination "${odd[@]}" --size 60 --seed 0
"$bin/mindseye" train studio:lifts --also studio:drawn --start "$start" --architecture mindseye-60 --recipe tuned \
    --config "$root/experiments/photographs/both.toml" --attribute pose --out both --resume
# Scores are fitted on people that the training set aside: drawn ones, and photographs lifted larger and worn out as photographs come.
"$bin/mindseye" studio draw studio-held-out --identities 20 --first-identity 10000 --attributes pose,illumination "${odd[@]}" --size 60 --seed 0
"$bin/mindseye" studio lift folder:photographs/train lifts-large "${lights[@]}" --size 128
[ -d worn ] || "$bin/python" -m experiments.photographs.degrade studio:lifts-large worn --aside both --side 36 128
"$bin/mindseye" weights fit both folder:worn --people validation --profile photographs
"$bin/mindseye" weights fit both studio:studio-held-out --people unseen --profile "drawn faces"
"$bin/python" -m generator.zoo both --name pose-mindseye-60
