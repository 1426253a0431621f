#!/usr/bin/env bash
# Train the weights that ship, and pack them into generator/weights.
# Usage: experiments/weights/run.sh [draw|train|fit|pack|all] [NAME …]     (default: all; every NAME)
#
# PROFILE=gpu (default where torch sees one) or cpu; SECONDS_EACH=540 ends a training after so many
# seconds and leaves it resumable: run the same command again until nothing is left to do. OUT
# (runs/weights) holds the sets and the runs. PYTHON can name another interpreter: `train` needs
# torch, NumPy, Pillow and safetensors alone, so OUT can be drawn here and trained elsewhere.
# `fit` fits fused scores and confidence of weights with an estimator (docs/scoring.md), on 20 people
# nobody is trained on; it needs scripts/rivals for SFace. Of the others it measures how far redrawings
# usually are. `pack` afterwards: it copies the card.
set -euo pipefail
cd "$(dirname "$0")/../.."
step=${1:-all}
[ $# -gt 0 ] && shift
out=${OUT:-runs/weights}
python=${PYTHON:-.venv/bin/python}
[ "$step" = train ] || [ -x "$python" ] || bash scripts/setup
profile=${PROFILE:-$("$python" -c 'import torch; print("gpu" if torch.cuda.is_available() else "cpu")')}
names=("$@")
[ $# -gt 0 ] || names=(pose-drawn-60 pose-60 illumination-60 accessory-60 pose-32 occlusion-60 expression-60)
mkdir -p "$out"

# NAME: set, attribute, architecture, people trained on, steps a stage on a GPU and on a CPU; - for
# the architecture's own recipe, the same everywhere.
recipe() {
    case "$1" in
        pose-drawn-60) echo studio-249 pose mindseye-60 100 - - ;;
        pose-60)         echo studio-249 pose two-stage-60 100 6000 2000 ;;
        illumination-60) echo studio-249 illumination two-stage-60 100 5000 450 ;;
        accessory-60)    echo studio-accessory accessory two-stage-60 0.8 4000 350 ;;
        pose-32)         echo studio-249 pose two-stage-32 100 8000 800 ;;
        occlusion-60)    echo studio-occlusion occlusion two-stage-60 0.8 4000 200 ;;
        expression-60)   echo studio-expression expression two-stage-60 0.8 4000 500 ;;
        *) echo "There are no packaged weights '$1'; see experiments/weights/run.sh" >&2; return 1 ;;
    esac
}

draw() { # SET: draws what is not there yet; a drawing that was stopped goes on
    local options
    case "$1" in
        studio-249)        options=(--identities 249 --attributes pose,illumination) ;;
        studio-accessory)  options=(--identities 300 --first-identity 1000
                                    --attributes pose,accessory --value pose=-30,0,30) ;;
        studio-occlusion)  options=(--identities 80 --attributes pose,occlusion --value pose=-30,0,30) ;;
        studio-held-out)   options=(--identities 20 --first-identity 10000 --attributes pose,illumination
                                    --value illumination=1,3,5,7,9,11,13,17) ;;
        studio-held-out-*) options=(--identities 20 --first-identity 10000
                                    --attributes "pose,${1##*-}" --value pose=-30,0,30) ;;
        studio-expression) options=(--identities 200 --first-identity 2000
                                    --attributes pose,expression --value pose=-30,0,30) ;;
    esac
    (cd "$out" && "$OLDPWD/.venv/bin/mindseye" studio draw "$1" --size 60 --seed 0 "${options[@]}")
}

train() { # NAME SET ATTRIBUTE ARCHITECTURE PEOPLE GPU-STEPS CPU-STEPS
    local steps=$7 batch=64 how
    if [ "$profile" = gpu ]; then steps=$6 batch=256; fi
    if [ "$steps" = - ]; then
        how=(--recipe tuned)
    else
        printf '[train]\nbatch_size = %s\nsteps = %s\n' "$batch" "$steps" >"$out/$1.toml"
        how=(--config "$1.toml")
    fi
    local status=0
    (
        cd "$out" # so that the card names the set, not where it lay
        export PYTHONPATH="$OLDPWD"
        case "$python" in /*) command=$python ;; */*) command="$OLDPWD/$python" ;; *) command=$python ;; esac
        exec timeout "${SECONDS_EACH:-540}" "$command" -m generator "studio:$2" \
            --attribute "$3" --architecture "$4" --train-identities "$5" "${how[@]}" \
            --out "$1" --resume
    ) || status=$?
    if [ "$status" -ne 0 ]; then
        echo "$1: stopped (status $status); run the same command again to go on" >&2
        return "$status"
    fi
}

pack() { # NAME ARCHITECTURE
    local notes=""
    if [ "$profile" != gpu ] && [ "$2" != mindseye-60 ]; then
        notes="preliminary: trained briefly on a CPU; experiments/weights on a GPU makes better ones"
    fi
    "$python" -m generator.zoo "$out/$1" --name "$1" --notes "$notes" \
        --headline "$(cat "$out/$1.headline" 2>/dev/null || true)"
}

fit() { # NAME ATTRIBUTE ARCHITECTURE
    local set=studio-held-out only=(--redrawing-only)
    if [ "$3" = mindseye-60 ]; then only=(); fi # the others have no estimator
    case "$2" in pose | illumination) ;; *) set=studio-held-out-$2 ;; esac
    draw "$set"
    (cd "$out" && "$OLDPWD/.venv/bin/mindseye" weights fit "$1" "studio:$set" "${only[@]}")
}

for name in "${names[@]}"; do
    read -r set attribute architecture people gpu cpu <<<"$(recipe "$name")"
    case "$step" in
        draw)  draw "$set" ;;
        train) train "$name" "$set" "$attribute" "$architecture" "$people" "$gpu" "$cpu" ;;
        pack)  pack "$name" "$architecture" ;;
        fit)   fit "$name" "$attribute" "$architecture" ;;
        all)
            draw "$set"
            train "$name" "$set" "$attribute" "$architecture" "$people" "$gpu" "$cpu"
            fit "$name" "$attribute" "$architecture" # before it is packed: the packed card tells what was fitted
            pack "$name" "$architecture"
            ;;
        *) echo "Usage: experiments/weights/run.sh [draw|train|fit|pack|all] [NAME …]" >&2; exit 2 ;;
    esac
done
