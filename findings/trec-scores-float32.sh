#!/usr/bin/env bash
# trec_eval's family: scores are compared in single precision; ranks and the order of the rows count for nothing.
# Expectation: a run is judged in the order of its scores. Python's floats are double, and so are a score's digits.
# Behaviour: two scores that differ beyond float32 are a tie, and a tie goes to the greater row name, so pytrec_eval
#   judges another order than the one written. ranx keeps the double's order: the same run gets other numbers.
#   Cosines near 1, or scores with a large constant added, lose their order so.
# Versions: pytrec_eval-terrier 0.5.11, ranx 0.3.21, numba 0.68.1, NumPy 2.4.6.
# Source: trec_eval's README (ranks are computed from the scores, ties by document name).
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check \
    ranx==0.3.21 pytrec_eval-terrier==0.5.11 numba==0.68.1 numpy==2.4.6
"$work/venv/bin/python" -W ignore - <<'PY'
import pytrec_eval
from ranx import Qrels, Run, evaluate

judged = {"probe": {"a": 1, "b": 0}}
seen = {}
for name, gap in (("1e-3", 1e-3), ("1e-9", 1e-9)):
    run = {"probe": {"a": 0.9 + gap, "b": 0.9}}
    by_trec = pytrec_eval.RelevanceEvaluator(judged, {"recip_rank"}).evaluate(run)["probe"]["recip_rank"]
    by_ranx = float(evaluate(Qrels(judged), Run(run), "mrr"))
    seen[name] = by_trec, by_ranx
    print(f"right row first by {name}: reciprocal rank by pytrec_eval {by_trec}, by ranx {by_ranx}")
assert seen == {"1e-3": (1.0, 1.0), "1e-9": (0.5, 1.0)}, seen
PY
echo "as recorded"
