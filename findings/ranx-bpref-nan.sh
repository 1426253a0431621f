#!/usr/bin/env bash
# ranx: bpref is NaN where nothing was judged wrong, and one such probe makes the mean over all probes NaN.
# Expectation: as in trec_eval, whose measure ranx gives: with no judged wrong row nothing can stand before a right
#   one, so each right row found counts in full.
# Behaviour: pytrec_eval gives 1.0, ranx gives NaN for that probe and for the mean of the whole run. The other
#   measures of the same probe agree, and so does bpref where a wrong row was judged.
#   Galleries that list only the right rows (the common form) have no judged wrong row at all.
# Versions: ranx 0.3.21, pytrec_eval-terrier 0.5.11, numba 0.68.1, NumPy 2.4.6.
# Source: trec_eval's notes on bpref (m_bpref.c); ranx's list of measures.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check \
    ranx==0.3.21 pytrec_eval-terrier==0.5.11 numba==0.68.1 numpy==2.4.6
"$work/venv/bin/python" -W ignore - <<'PY'
import math

import pytrec_eval
from ranx import Qrels, Run, evaluate

answer = {"other": 9.0, "wrong": 8.0, "right": 7.0, "also right": 6.0}
judged = {
    "a wrong row judged": {"right": 1, "also right": 1, "wrong": 0, "wrong too": 0},
    "right rows only": {"right": 1, "also right": 1},
}
run = dict.fromkeys(judged, answer)
mean = evaluate(Qrels(judged), Run(run), "bpref")
by_ranx = {name: float(evaluate(Qrels({name: judged[name]}), Run({name: answer}), "bpref")) for name in judged}
by_trec = {name: row["bpref"] for name, row in pytrec_eval.RelevanceEvaluator(judged, {"bpref"}).evaluate(run).items()}
print("ranx:", by_ranx, "mean:", mean)
print("pytrec_eval:", by_trec, "mean:", sum(by_trec.values()) / 2)
assert by_ranx["a wrong row judged"] == by_trec["a wrong row judged"] == 0.5
assert math.isnan(by_ranx["right rows only"]) and math.isnan(mean) and by_trec["right rows only"] == 1.0
PY
echo "as recorded"
