#!/usr/bin/env bash
# Our network and the papers' on three identity folds, three trainings each, in one table with intervals.
# Usage: experiments/seeds/run.sh SPEC OUT [ATTRIBUTE …]     (default: eyes expression pose; two to three hours of two Zen 5 cores: docs/durations.md)
# SEEDS ("0 1 2") can be set in the environment. A run that was stopped goes on where it was.
set -euo pipefail
cd "$(dirname "$0")/../.."
spec=${1:?SPEC, such as cmu-faces:faces.tar.gz} out=${2:?OUT, a folder}
shift 2
[ $# -gt 0 ] || set -- eyes expression pose
methods="ours*,oracle-value,random,two-step-true/features,two-step-true/pixels,two-step-true/sface"
for seed in ${SEEDS:-0 1 2}; do
    PROTOCOL=cmu-faces METHODS=$methods SEED=$seed bash experiments/folds/run.sh "$spec" "$out/mindseye-32-$seed" "$@"
    PROTOCOL=cmu-faces METHODS=$methods SEED=$seed ARCHITECTURE=two-stage-32 RECIPE=fast STEPS=200 \
        bash experiments/folds/run.sh "$spec" "$out/two-stage-32-$seed" "$@"
done
for attribute in "$@"; do
    ours='' papers=''
    for seed in ${SEEDS:-0 1 2}; do
        ours+=,$out/mindseye-32-$seed/$attribute papers+=,$out/two-stage-32-$seed/$attribute
    done
    printf '\n%s\n\n' "$attribute"
    .venv/bin/python -m experiments.seeds.table "two-stage-32=${papers#,}" "mindseye-32=${ours#,}" \
        --methods "ours,ours-pixels,oracle-value,two-step-true/sface,random" | tee "$out/$attribute.md"
done
