#!/usr/bin/env bash
# "The same face without the bar": weights that fill occluded faces in, and what they find.
# Usage: experiments/inpainting/run.sh OUT [cmu-faces:PATH]
# The people trained on are nobody's of studio-mini. A training that was stopped goes on; what is finished is not done again.
set -euo pipefail
cd "$(dirname "$0")/../.."
out=${1:?OUT, a folder} photographs=${2:-}
mkdir -p "$out"
lights=(--value pose=-30,0,30 --value illumination=1,5,9,13,17)
.venv/bin/mindseye studio draw "$out/train" --identities 100 --first-identity 30000 --attributes pose,illumination,occlusion "${lights[@]}"
.venv/bin/mindseye studio draw "$out/test" --identities 40 --first-identity 30100 --attributes pose,illumination,occlusion "${lights[@]}"
.venv/bin/mindseye train "studio:$out/train" --attribute occlusion --start pose-drawn-60 --new-wishes --architecture mindseye-60 --recipe tuned \
    --config experiments/inpainting/own.toml --out "$out/occlusion-mindseye-60" --resume
ask() { # SPEC PROTOCOL NAME
    .venv/bin/mindseye bench "$1" --weights "$out/occlusion-mindseye-60" --protocol "$2" --editing --portraits --out "$out/$3"
}
ask "studio:$out/test" inpainting bench-test
ask studio-mini inpainting-mini bench-mini
[ -n "$photographs" ] || exit 0
[ -e "$out/landmarks.csv" ] || .venv/bin/mindseye data find-faces "$photographs" --out "$out/landmarks.csv"
[ -d "$out/photographs" ] || .venv/bin/python -m experiments.inpainting.occluded "$photographs" "$out/photographs" --landmarks "$out/landmarks.csv"
ask "folder:$out/photographs" inpainting bench-photographs
