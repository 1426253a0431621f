#!/usr/bin/env bash
# Every number and weight that waits for a GPU, in at most twelve minutes a call.
# Usage: experiments/gpu/run.sh [--dry-run|--smoke|prepare] [STEP …]     (default: all steps)
#
# `prepare` draws the sets on the CPU, here or on another machine; it counts in no budget. Then each
# call does what is not done yet, step by step, until BUDGET_S (720) seconds are over; a training
# that was stopped goes on in the next call. At the end stands what was done, stopped and skipped,
# and why. --dry-run says what a call would do. --smoke runs every step on the CPU in its smallest
# size, into OUT-smoke. OUT (runs/gpu) holds all; DEVICE (cuda) and PYTHON (.venv/bin/python) may be
# others.
set -uo pipefail
cd "$(dirname "$0")/../.."
mode=run
case "${1:-}" in
    --dry-run | --smoke) mode=${1#--} && shift ;;
    prepare) mode=prepare && shift ;;
    -*) echo "Usage: experiments/gpu/run.sh [--dry-run|--smoke|prepare] [STEP …]" >&2 && exit 2 ;;
esac
out=${OUT:-runs/gpu}
device=${DEVICE:-cuda}
python=${PYTHON:-.venv/bin/python}
budget=${BUDGET_S:-720}
set=studio-249
people=100
if [ "$mode" = smoke ]; then
    out=$out-smoke device=cpu set=gpu-smoke people=2
fi
export PYTHONPATH=$PWD
case "$out" in /*) ;; *) out=$PWD/$out ;; esac
case "$python" in */*) python=$(realpath --no-symlinks "$python") ;; esac

# Name, the least seconds that are worth a start, the most that it gets, what it makes.
steps() {
    cat <<'S'
rates         30 120 images/s drawn, updates/s trained, their share of the matrix product's rate
draw          30  90 canonicalisation way by way, the compiled way too
searches      30  90 kinds of index that FAISS has on a GPU, beside the CPU
paper         60 240 the papers' network by their own recipe (plain SGD), on 100 people of studio-249
paper-table   60 120 what those weights find among the 149 others
rivals        60 240 trained rivals and CPI on studio-249, four settings tried for each
pose-drawn-60 60 240 packaged weights on the full budget
pose-60       60 240 likewise
illumination-60 60 240 likewise
pose-32       60 240 likewise
accessory-60  60 240 likewise; its set is another one
large         60 240 weights at 112 pixels
S
}

train() { # NAME ARCHITECTURE RECIPE ATTRIBUTE SET PEOPLE: goes on where it was stopped
    local few=()
    [ "$mode" = smoke ] && few=(--steps 2)
    (cd "$out" && "$python" -m generator "studio:$5" --architecture "$2" --recipe "$3" \
        --attribute "$4" --train-identities "$6" --device "$device" --out "$1" --resume "${few[@]}")
}

do_step() { # NAME: does it; it may be stopped at any time, and done again
    local small=() few=() weights=pose-drawn-60
    [ "$mode" = smoke ] && weights=paper
    case "$1" in
        rates)
            [ "$mode" = smoke ] && small=(--smoke)
            [ -d "$out/$set" ] && small+=(--spec "studio:$out/$set") # else nothing is trained
            "$python" -m experiments.gpu.rates --device "$device" --out "$out/rates.json" "${small[@]}" ;;
        draw)
            [ "$mode" = smoke ] && small=(--images 4 --rounds 1)
            "$python" benchmarks/draw.py --device "$device" --out "$out/draw.json" "${small[@]}" ;;
        searches)
            [ "$mode" = smoke ] && small=(--rows 2000 --probes 10)
            "$python" -m experiments.gpu.searches --out "$out/searches.json" "${small[@]}" ;;
        paper) train paper two-stage-60 paper pose "$set" "$people" ;;
        paper-table)
            [ "$mode" = smoke ] && few=(--queries 20)
            (cd "$out" && "$python" -m cli bench "studio:$set" --protocol "$(protocol)" --weights paper \
                --methods ours,random --cache cache --device "$device" --out paper-table "${few[@]}") ;;
        rivals)
            [ "$mode" = smoke ] && few=(--queries 20 --trials 0 --rival-steps 2)
            (cd "$out" && "$python" -m cli bench "studio:$set" --protocol "$(protocol)" \
                --weights "$weights" --methods ours,cpi,composed,random --cache cache \
                --device "$device" --out rivals "${few[@]}") ;;
        pose-drawn-60 | pose-60 | illumination-60 | pose-32 | accessory-60) packaged "$1" ;;
    esac
}

packaged() { # NAME: by the recipe that stands in experiments/weights/run.sh
    if [ "$mode" = smoke ]; then
        train "$1" two-stage-32 fast pose "$set" "$people"
    else
        OUT=$out PYTHON=$python PROFILE=gpu SECONDS_EACH=$limit experiments/weights/run.sh train "$1"
    fi
}

protocol() { # of the set: the published one, or for a smaller set the same with fewer people
    if [ "$mode" = smoke ]; then
        sed "s/\"100\"/\"$people\"/" "$PYTHONPATH/benchmarks/protocols/studio-249.toml" >smoke.toml
        echo smoke.toml
    else
        echo studio-249
    fi
}

missing() { # NAME: says why a step cannot be done now, if so
    local needed=$set
    case "$1" in
        large) echo "no network draws 112 pixels yet: families of ours have 32 and 60 (docs/families.md)" && return ;;
        accessory-60) [ "$mode" = smoke ] || needed=studio-accessory ;;
        rates | draw | searches) needed= ;;
    esac
    if [ -n "$needed" ] && [ ! -d "$out/$needed" ]; then
        echo "no set $needed in $out; experiments/gpu/run.sh prepare draws it, on any machine"
    elif [ "$1" = paper-table ] && [ ! -e "$out/paper.done" ]; then
        echo "its weights are not trained yet: the step paper comes first"
    elif [ "$device" = cuda ] && [ "$mode" = run ] && [ "$has_gpu" != yes ]; then
        echo "torch sees no GPU here; --smoke runs on the CPU"
    fi
}

draw_sets() {
    if [ "$mode" = smoke ]; then
        (cd "$out" && "$python" -m cli studio draw "$set" --identities 4 --size 60 --seed 0 \
            --attributes pose,illumination --value illumination=7,8)
    else
        OUT=$out experiments/weights/run.sh draw pose-drawn-60 accessory-60
    fi
}

wanted() { # NAME GIVEN…: whether it is one of those that were given, or none were
    local name=$1 one
    shift
    [ $# -eq 0 ] && return 0
    for one in "$@"; do [ "$one" = "$name" ] && return 0; done
    return 1
}

for one in "$@"; do
    steps | grep -q "^$one " || { echo "There is no step '$one'; there are: $(steps | cut -d' ' -f1 | xargs)" >&2 && exit 2; }
done
[ "$mode" = dry-run ] || mkdir -p "$out" || exit 1
if [ "$mode" = prepare ]; then draw_sets && exit 0 || exit 1; fi
has_gpu=no
if [ "$mode" = run ] && [ "$device" = cuda ]; then
    has_gpu=$("$python" -c 'import torch; print("yes" if torch.cuda.is_available() else "no")')
fi
if [ "$mode" = smoke ] && steps | grep -vE '^(rates|draw|searches|large) ' | cut -d' ' -f1 |
    while read -r name; do wanted "$name" "$@" && echo "$name"; done | grep -q .; then
    draw_sets || exit 1 # only where a step needs them
fi

told=() failed=0 began=$SECONDS
while read -r name least most what; do
    wanted "$name" "$@" || continue
    left=$((budget - (SECONDS - began)))
    reason=$(missing "$name")
    if [ -e "$out/$name.done" ]; then
        told+=("done before  $name: $what")
    elif [ -n "$reason" ]; then
        told+=("skipped      $name: $reason")
    elif [ "$mode" = dry-run ]; then
        told+=("would do     $name, at most $most s: $what")
    elif [ "$left" -lt "$least" ]; then
        told+=("skipped      $name: it needs $least s, and $left of $budget are left; call again")
    else
        limit=$((left < most ? left : most))
        echo "== $name: $what" >&2
        # The functions run in a shell of their own, which `timeout` may end with all it started.
        export -f do_step train packaged protocol
        export mode out device python set people limit
        timeout --kill-after=10 "$limit" bash -c 'do_step "$1"' bash "$name" </dev/null
        status=$?
        case "$status" in
            0) touch "$out/$name.done" && told+=("done         $name: $what") ;;
            124 | 137) told+=("stopped      $name after $limit s; call again, and it goes on") ;;
            *) told+=("FAILED       $name (status $status)") && failed=1 ;;
        esac
    fi
done < <(steps)
printf '%s\n' "${told[@]}"
exit "$failed"
