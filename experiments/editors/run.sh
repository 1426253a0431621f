#!/usr/bin/env bash
# Train every editor of experiments/editors/plan.toml on the same budget, measure them, and write docs/editors.md.
# Usage: experiments/editors/run.sh [train|bench|page|all] [NAME|SET|grid|rivals …]     (default: all; all but the groups "grid" and "rivals")
#
# What is finished is passed over, what was stopped goes on: run the same command again. OUT (runs/editors) holds the sets,
# a folder for each editor, and results/. In the environment: PYTHON, OUT, STEPS (all trainings that short, for a trial),
# SIZE (of the drawn faces, 32), EDITS (instead of the plan's), RIVAL_STEPS (800) and TRIALS (1) of the classifier that judges.
# `bench` needs scripts/rivals for dlib, SFace and Inception.
set -euo pipefail
cd "$(dirname "$0")/../.."
root=$PWD
step=${1:-all}
[ $# -gt 0 ] && shift
case "$step" in train|bench|page|all) ;; *) echo "Usage: experiments/editors/run.sh [train|bench|page|all] [NAME …]" >&2; exit 2 ;; esac
python=${PYTHON:-.venv/bin/python}
case "$python" in /*) ;; */*) python="$root/$python" ;; esac
[ -n "${PYTHON:-}" ] || [ -x "$python" ] || bash scripts/setup
mkdir -p "${OUT:=runs/editors}"
out=$(cd "$OUT" && pwd)
export PYTHONPATH="$root" PYTHON="$python"

plan=$("$python" -m experiments.editors.plan "$@")
count=$(wc -l <<<"$plan")

draw() { # SET: what is not there yet; a drawing that was stopped goes on
    [ ! -f "$out/$1/manifest.json" ] || return 0
    local options
    mapfile -t options < <("$python" -m experiments.editors.plan --draw "$1")
    echo "drawing $1" >&2
    (cd "$out" && "$python" "$root/cli.py" studio draw "$1" --size "${SIZE:-32}" --seed 0 "${options[@]}")
}

train() {
    local number=0 set name architecture attribute people config edits
    while IFS=$'\t' read -r set name architecture attribute people config edits <&3; do
        number=$((number + 1))
        if [ -f "$out/editors/$set/$name/weights.json" ]; then
            echo "[$number/$count] $set/$name: trained already" >&2
            continue
        fi
        draw "$set"
        echo "[$number/$count] $set/$name: training since $(date +%T)" >&2
        mkdir -p "$out/editors/$set"
        ( # from OUT, so that the card names the set, not where it lay
            cd "$out"
            "$python" "$root/cli.py" train "studio:$set" --architecture "$architecture" --attribute "$attribute" \
                --config "$config" ${STEPS:+--steps "$STEPS"} --train-identities "$people" --device cpu \
                --out "editors/$set/$name" --resume
        )
    done 3<<<"$plan"
}

bench() {
    local set edits
    while IFS=$'\t' read -r set edits <&3; do
        local weights=()
        while IFS=$'\t' read -r of name _ <&4; do
            [ "$of" = "$set" ] && weights+=("editors/$set/$name")
        done 4<<<"$plan"
        ( # from OUT, so that results name the set, not where it lay
            cd "$out"
            PROTOCOL=$set QUERIES=${EDITS:-$edits} METHODS=${METHODS:-ours,ours-pixels,raw/pixels,random} \
                RIVAL_STEPS=${RIVAL_STEPS:-800} TRIALS=${TRIALS:-1} \
                bash "$root/experiments/editors/compare.sh" "studio:$set" "results/$set" "${weights[@]}"
        )
    done 3< <(cut -f1,7 <<<"$plan" | awk '!seen[$0]++')
}

page() { # of all that has results
    "$python" -m experiments.editors.page "$out" docs
}

case "$step" in
    train) train ;;
    bench) bench ;;
    page) page ;;
    all) train && bench && page ;;
esac
