#!/usr/bin/env bash
# faiss: an HNSW search with efSearch below k brings fewer than k rows, though nothing is missing.
# Expectation: efSearch is the width of the search and is lifted to k where k is larger (hnswlib does so), so that
#   k rows come back from an index of thousands. faiss lifts its result heap, and not the rule by which it stops.
# Behaviour: 8000 rows in groups, k=400, efSearch=16 (the default): each of 50 probes gets ids of -1 at its end. efSearch=400: none.
# Versions: faiss-cpu 1.15.1, NumPy 2.4.6.
# Source: facebookresearch/faiss issues 1244 and 1199; hnswlib ALGO_PARAMS.md ("ef").
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check faiss-cpu==1.15.1 numpy==2.4.6
"$work/venv/bin/python" - <<'PY'
import faiss
import numpy as np

faiss.omp_set_num_threads(1)
rng = np.random.default_rng(0)
centres = 3 * rng.normal(size=(100, 32))
rows = (centres[rng.integers(0, 100, 8000)] + rng.normal(size=(8000, 32))).astype("float32")
index = faiss.IndexHNSWFlat(32, 16)
print("efSearch unless told:", index.hnsw.efSearch)
index.add(rows)
missing = {}
for width in (16, 100, 400):
    index.hnsw.efSearch = width
    found = index.search(rows[:50], 400)[1]
    missing[width] = int((found < 0).sum(axis=1).min()), int((found < 0).sum(axis=1).max())
    print(f"efSearch={width}: missing of 400, least and most over 50 probes:", missing[width])
assert missing[16][0] > 0, "each probe lacked rows"
assert missing[400] == (0, 0), "none lacked rows with efSearch = k"
PY
echo "as recorded"
