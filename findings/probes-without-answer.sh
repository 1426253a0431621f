#!/usr/bin/env bash
# A probe that the search answered with nothing: pytrec_eval drops it, ir-measures counts it as 0, ranx refuses.
# Expectation: the mean over probes is over the judged ones; a probe without an answer scores 0.
# Behaviour: pytrec_eval returns no entry for it, so the mean over its entries rewards the run that stays silent.
#   ir-measures, which calls the same code, puts the 0 in. ranx raises until make_comparable=True, then gives 0.
#   An index with a filter (or of -1 ids alone) does answer with nothing.
# Versions: pytrec_eval-terrier 0.5.11, ir_measures 0.4.3, ranx 0.3.21, numba 0.68.1, NumPy 2.4.6.
# Source: trec_eval's help (option -c: average over the judged queries and not over those in the run).
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check \
    ir_measures==0.4.3 ranx==0.3.21 pytrec_eval-terrier==0.5.11 numba==0.68.1 numpy==2.4.6
"$work/venv/bin/python" -W ignore - <<'PY'
import ir_measures
import pytrec_eval
from ir_measures import AP
from ranx import Qrels, Run, evaluate

judged = {"one": {"a": 1}, "two": {"a": 1}}
run = {"one": {"a": 2.0, "b": 1.0}}
rows = pytrec_eval.RelevanceEvaluator(judged, {"map"}).evaluate(run)
means = {"pytrec_eval": sum(row["map"] for row in rows.values()) / len(rows)}
means["ir-measures"] = ir_measures.calc_aggregate([AP], judged, run)[AP]
try:
    evaluate(Qrels(judged), Run(run), "map")
    means["ranx"] = "no error"
except AssertionError as error:
    means["ranx"] = "refused"
    print("ranx:", error)
means["ranx, comparable"] = float(evaluate(Qrels(judged), Run(run), "map", make_comparable=True))
print("entries of pytrec_eval:", list(rows), "means:", means)
assert means == {"pytrec_eval": 1.0, "ir-measures": 0.5, "ranx": "refused", "ranx, comparable": 0.5}, means
PY
echo "as recorded"
