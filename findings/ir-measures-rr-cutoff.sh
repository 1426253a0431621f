#!/usr/bin/env bash
# ir-measures: RR and RR@10 of the same two-row run differ, as two programs behind them break ties otherwise.
# Expectation: a cut-off of 10 changes nothing in a run of two rows.
# Behaviour: with two equal scores RR is 0.5 and RR@10 is 1.0. RR is computed by trec_eval's code (greater row name
#   first), RR@10 by the MS MARCO one (order of the run). Scores equal in float32 alone count as equal for the first.
#   Quantised indexes (RaBitQ, PQ, Hamming distances) tie often, so a table of both measures contradicts itself.
# Versions: ir_measures 0.4.3, pytrec_eval-terrier 0.5.11, NumPy 2.4.6.
# Source: ir-measures' documentation, "Providers" (each measure is computed by the first one that supports it).
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check \
    ir_measures==0.4.3 pytrec_eval-terrier==0.5.11 numpy==2.4.6
"$work/venv/bin/python" - <<'PY'
import ir_measures
from ir_measures import RR

judged = {"probe": {"a": 1, "b": 0}}
seen = {}
for name, scores in (("apart", {"a": 2.0, "b": 1.0}), ("equal", {"a": 1.0, "b": 1.0})):
    values = ir_measures.calc_aggregate([RR, RR @ 10], judged, {"probe": scores})
    seen[name] = values[RR], values[RR @ 10]
    print(f"scores {name}: RR {values[RR]}, RR@10 {values[RR @ 10]}")
assert seen == {"apart": (1.0, 1.0), "equal": (0.5, 1.0)}, seen
PY
echo "as recorded"
