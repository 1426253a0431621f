#!/usr/bin/env bash
# One network for all that can be wished: pose to the profile, light, accessory, expression. Drawn people first, then lifted photographs beside them.
# Usage: experiments/together/run.sh OUT [PORTRAITS.tar.gz]     (without the archive: drawn people alone)
# What is finished is not done again; a set or training that was stopped goes on. PEOPLE=120 STEPS=4000 ESTIMATOR_STEPS=1500 make a smaller trial of it.
# PACK=1 packs the weights into generator/weights at the end.
set -euo pipefail
cd "$(dirname "$0")/../.."
out=${1:?OUT, a folder} archive=${2:+$(realpath "$2")}
people=${PEOPLE:-120} steps=${STEPS:-4000} estimator=${ESTIMATOR_STEPS:-1500}
root=$PWD bin=$PWD/.venv/bin
mkdir -p "$out"
cd "$out" # so that cards name sets, not where they lay
export PYTHONPATH=$root
names=pose,illumination,accessory,expression
wishes=(--attribute pose --attribute illumination --attribute accessory --attribute expression)

draw() { # SET PEOPLE FIRST VALUES…
    local set=$1 count=$2 first=$3
    shift 3
    "$bin/mindseye" studio draw "$set" --identities "$count" --first-identity "$first" --attributes $names --size 60 --seed 0 "${@/#/--value=}"
}
yaws=-90,-75,-60,-45,-30,-15,0,15,30,45,60,75,90
lights=$(seq -s, 0 19)
few=(pose=-90,-60,-45,-30,0,30,45,60,90 illumination=4,10,14,17)
draw drawn-lights "$people" 0 "pose=$yaws" "illumination=$lights" accessory=none expression=neutral
draw drawn-worn "$people" 0 "${few[@]}" expression=neutral
draw drawn-moods "$people" 0 "${few[@]}" accessory=none
draw drawn-both "$people" 0 pose=0 illumination=17
drawn=(studio:drawn-lights --also studio:drawn-worn --also studio:drawn-moods --also studio:drawn-both)

recipe() { # FILE STEPS ESTIMATOR_STEPS RATE
    sed -e "s/^steps = .*/steps = $2/" -e "s/^estimator_steps = .*/estimator_steps = $3/" -e "s/^learning_rate = .*/learning_rate = $4/" \
        "$root/experiments/together/together.toml" >"$1"
}
train() { # RUN START SETS…
    local run=$1 start=$2
    shift 2
    "$bin/mindseye" train "$@" --start "$start" --new-wishes --architecture mindseye-60 --recipe tuned --config "$run.toml" "${wishes[@]}" --out "$run" --resume
}
recipe together-drawn.toml "$steps" "$estimator" 1.5e-3
train together-drawn pose-drawn-60 "${drawn[@]}"
weights=together-drawn
if [ -n "$archive" ]; then
    [ -d portraits ] || tar -xzf "$archive"
    [ -d photographs ] || "$bin/python" -m experiments.photographs.split portraits photographs
    "$bin/python" -m experiments.lifts.label_portraits photographs/train
    "$bin/mindseye" studio lift folder:photographs/train lifts-bare --attributes pose,illumination,accessory \
        --value illumination=0,2,4,6,8,10,12,17 --value accessory=none
    "$bin/mindseye" studio lift folder:photographs/train lifts-worn --attributes pose,illumination,accessory --value pose=-30,0,30 \
        --value illumination=6,17 --value accessory=fedora,beanie,cap,round-glasses,thick-glasses,sunglasses
    recipe together.toml $((steps / 2)) "$estimator" 1.0e-3
    train together together-drawn "${drawn[@]}" --also studio:lifts-bare --also studio:lifts-worn
    weights=together
fi

# Fitted on 20 drawn people, asked about 30 others; nobody is trained on either.
all=(pose=-90,-45,0,45,90 illumination=4,10,14,17 accessory=none,cap,sunglasses expression=happy,neutral,surprised)
draw held-out "$((people < 20 ? people : 20))" 10000 "${all[@]}"
draw asked "$((people < 30 ? people : 30))" 20000 "${all[@]}"
[ -e "$weights.fitted" ] || { "$bin/mindseye" weights fit "$weights" studio:held-out --people unseen --profile "drawn faces" && touch "$weights.fitted"; }
methods="ours,fused,two-step-true/sface,raw/sface,random"
bench() { # FOLDER SPEC WEIGHTS METHODS PROTOCOL
    [ -e "$1/results.json" ] || "$bin/mindseye" bench "$2" --weights "$3" --methods "$4" --protocol "$5" --cache kept --out "$1"
}
protocol() { # NAME ATTRIBUTE, of one wish each, [GALLERY]
    printf 'name = "%s"\n%b[queries]\nattributes = ["%s"]\ncount = 2000\nseed = 0\n[judging]\ncriteria = ["C1", "C2"]\ncutoffs = [1, 5]\n' \
        "$1" "${3:-}" "$2" >"$1.toml"
}
for wish in pose illumination accessory expression; do
    protocol "one-$wish" $wish
    bench "one-$wish" studio:asked "$weights" "$methods" "one-$wish.toml"
done
bench two studio:asked "$weights" "$methods" "$root/experiments/together/two.toml"
# Beside the papers' network, each on its own attribute of the packaged people.
plain='occlusion = ["none"]\nexpression = ["neutral"]\nage = [""]\n'
protocol mini-illumination illumination "[gallery]\n${plain}accessory = [\"none\"]\n"
protocol mini-accessory accessory "[gallery]\n${plain}illumination = [\"17\"]\npose = [\"-30\", \"0\", \"30\"]\n"
for wish in illumination accessory; do
    for one in "$weights" "$wish-60"; do
        bench "mini-$wish-$one" studio-mini "$one" "ours,raw/sface,random" "mini-$wish.toml"
    done
done
[ -z "${PACK:-}" ] || "$bin/python" -m generator.zoo "$weights" --name face-mindseye-60
