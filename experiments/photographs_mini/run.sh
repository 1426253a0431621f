#!/usr/bin/env bash
# Make the packaged set `photographs-mini` (gallery/photographs_mini) anew: images, labels, landmarks.
# Usage: experiments/photographs_mini/run.sh cmu-faces:PATH/cmu-faces.tar.gz     (needs pip install "mindseye[faces]")
set -euo pipefail
cd "$(dirname "$0")/../.."
out=gallery/photographs_mini
find "$out" -name '*.webp' -delete 2>/dev/null || true
rm -f "$out/labels.csv" "$out/landmarks.csv"
.venv/bin/python -m experiments.photographs_mini.make "${1:?SPEC, such as cmu-faces:cmu-faces.tar.gz}" "$out"
.venv/bin/mindseye data find-faces "folder:$out"
