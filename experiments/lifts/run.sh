#!/usr/bin/env bash
# Lift a folder of photographs, draw the sheet, and look how far turned the heads are seen.
# Usage: experiments/lifts/run.sh PHOTOS [FOLDER]     (a folder with labels.csv; runs/lifts)
set -euo pipefail
cd "$(dirname "$0")/../.."
photos=$1
out=${2:-runs/lifts}
bash scripts/studio-assets
.venv/bin/mindseye studio lift "folder:$photos" "$out/set" --value illumination=0,2,4,6,8,10,12,17
.venv/bin/python -m experiments.lifts.lifted_sheet "$photos" "$out/lifted.png"
exec .venv/bin/python -m experiments.lifts.seen_yaws "studio:$out/set" studio-mini
