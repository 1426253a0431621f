#!/usr/bin/env bash
# Several editors trained on the same data, in one table and one picture: OUT/editors.md, OUT/editors.png.
# Usage: experiments/editors/compare.sh SPEC OUT WEIGHTS [WEIGHTS …]     (folders of `mindseye train`, or packaged names)
# In the environment: PROTOCOL (a file or a name), QUERIES (edits), METHODS (ours,random), TRAIN (a SPEC, where the
# training images are, if they are not in SPEC), RIVAL_STEPS and TRIALS (of the classifier), CACHE, PYTHON.
# Results that are younger than their weights are kept: delete a folder of OUT to measure anew.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
python=${PYTHON:-$root/.venv/bin/python}
export PYTHONPATH="$root"
spec=${1:?SPEC, such as studio:studio-249} out=${2:?OUT, a folder}
shift 2
[ $# -gt 0 ] || { echo "Name the weights: experiments/editors/compare.sh SPEC OUT WEIGHTS …" >&2; exit 2; }
twice=$(for weights in "$@"; do basename "$weights"; done | sort | uniq -d)
[ -z "$twice" ] || { echo "Two editors are called $twice; rename a folder" >&2; exit 2; }
for weights in "$@"; do
    results="$out/$(basename "$weights")"
    if [ -f "$weights/weights.json" ] && [ "$results/results.json" -nt "$weights/weights.json" ]; then
        echo "$results: measured already" >&2
        continue
    fi
    "$python" "$root/cli.py" bench "$spec" --weights "$weights" --editing --methods "${METHODS:-ours,random}" \
        ${PROTOCOL:+--protocol "$PROTOCOL"} ${QUERIES:+--queries "$QUERIES"} ${TRAIN:+--train "$TRAIN"} \
        ${RIVAL_STEPS:+--rival-steps "$RIVAL_STEPS"} ${TRIALS:+--trials "$TRIALS"} ${CACHE:+--cache "$CACHE"} \
        --out "$results"
done
"$python" -m experiments.editors.table "$spec" "$out" ${PROTOCOL:+--protocol "$PROTOCOL"} -- "$@"
