#!/usr/bin/env bash
# One model for 13 poses and 8 lights together, on drawn people, and what is found of each wish.
# Usage: experiments/wishes/run.sh OUT
# OUT holds the set, the training and two results, of one wish each and of two at once. A run that was stopped goes on where it was.
set -euo pipefail
cd "$(dirname "$0")/../.."
root=$PWD mindseye="$PWD/.venv/bin/mindseye"
mkdir -p "${1:?OUT, a folder}"
cd "$1" # so that results name the set, not where it lay
"$mindseye" studio draw studio-wide --identities 120 --value pose=-90,-75,-60,-45,-30,-15,0,15,30,45,60,75,90 \
    --value illumination=0,2,4,6,8,10,12,14 --size 60 --seed 7
"$mindseye" train studio:studio-wide --architecture mindseye-32 --recipe tuned --config "$root/experiments/wishes/wide.toml" \
    --attribute pose --attribute illumination --train-identities 90 --out wide --resume
"$mindseye" bench studio:studio-wide --weights wide --queries 5000 --out one \
    --methods "ours*,raw/sface*,two-step-true/sface,two-step-true/pixels,oracle-value,random"
"$mindseye" bench studio:studio-wide --weights wide --protocol studio-wide --trials 0 --out both \
    --methods "ours*,two-step-true/sface,two-step-true/pixels,two-step/sface,shift/sface*,composed,raw/sface*,oracle-value,random"
cd "$root"
.venv/bin/python -m experiments.wishes.table "$OLDPWD/one" --attribute pose --methods ours,two-step-true/sface,raw/sface/no-source
.venv/bin/python -m experiments.wishes.table "$OLDPWD/both" --attribute pose --methods ours,two-step/sface,composed --criteria C2
