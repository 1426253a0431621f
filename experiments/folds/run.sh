#!/usr/bin/env bash
# Three identity folds, one model for each attribute and fold; their queries pooled in one table.
# Usage: experiments/folds/run.sh SPEC OUT [ATTRIBUTE …]     (default: eyes expression pose)
# ARCHITECTURE (mindseye-32), RECIPE (fast; tuned for mindseye-32), CONFIG (experiments/folds/folds.toml for mindseye-32), STEPS and
# SEED (0) can be set in the environment. PROTOCOL=cmu-faces compares all methods (scripts/rivals first); METHODS chooses some,
# RIVAL_STEPS and TRIALS say how much rivals train.
# A run that was stopped goes on where it was.
set -euo pipefail
cd "$(dirname "$0")/../.."
spec=${1:?SPEC, such as cmu-faces:faces.tar.gz} out=${2:?OUT, a folder}
shift 2
[ $# -gt 0 ] || set -- eyes expression pose
architecture=${ARCHITECTURE:-mindseye-32}
config='' recipe=fast
if [ "$architecture" = mindseye-32 ]; then
    config=experiments/folds/folds.toml recipe=tuned
fi
config=${CONFIG-$config} recipe=${RECIPE:-$recipe}
for attribute in "$@"; do
    weights=()
    for fold in 1 2 3; do
        .venv/bin/mindseye train "$spec" --architecture "$architecture" \
            --attribute "$attribute" --recipe "$recipe" ${config:+--config "$config"} ${STEPS:+--steps "$STEPS"} \
            --fold "$fold/3" --seed "${SEED:-0}" --out "$out/$attribute-$fold" --resume
        weights+=(--weights "$out/$attribute-$fold")
    done
    .venv/bin/mindseye bench "$spec" "${weights[@]}" ${PROTOCOL:+--protocol "$PROTOCOL"} ${METHODS:+--methods "$METHODS"} \
        ${RIVAL_STEPS:+--rival-steps "$RIVAL_STEPS"} ${TRIALS:+--trials "$TRIALS"} --out "$out/$attribute"
done
