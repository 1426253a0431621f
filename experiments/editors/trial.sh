#!/usr/bin/env bash
# A trial of editors of plan.toml: a tenth of their budget on one collection, measured side by side. It shows that a family
# trains, draws, is indexed and measured; it ranks nothing.
# Usage: experiments/editors/trial.sh SPEC ATTRIBUTE OUT [NAME …]     (default: stargan and the group rivals)
#
# In the environment: STEPS (500 of the critic), FOLD (1/3), QUERIES (40), RIVAL_STEPS (200), PYTHON.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
python=${PYTHON:-$root/.venv/bin/python}
export PYTHONPATH="$root" PYTHON="$python"
spec=${1:?SPEC, such as cmu-faces:cmu-faces.tar.gz} attribute=${2:?ATTRIBUTE, such as eyes} out=${3:?OUT, a folder}
shift 3
[ $# -gt 0 ] || set -- stargan ganimation tfem dai2i
mkdir -p "$out/editors"
weights=()
for name in "$@"; do
    [ -f "$out/editors/$name/weights.json" ] || "$python" "$root/cli.py" train "$spec" --architecture "$name" \
        --attribute "$attribute" --config "$root/experiments/editors/settings/$name.toml" --steps "${STEPS:-500}" \
        --fold "${FOLD:-1/3}" --device cpu --out "$out/editors/$name" --resume
    weights+=("$out/editors/$name")
done
QUERIES=${QUERIES:-40} METHODS=${METHODS:-ours,ours-pixels,raw/pixels,random} RIVAL_STEPS=${RIVAL_STEPS:-200} TRIALS=1 \
    bash "$root/experiments/editors/compare.sh" "$spec" "$out/results" "${weights[@]}"
