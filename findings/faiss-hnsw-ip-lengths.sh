#!/usr/bin/env bash
# faiss: HNSW by inner product over rows of unequal lengths looks fine when tried with rows, and fails real probes.
# Expectation: recall measured with rows of the index as probes tells what probes will meet, as it does for IVF.
# Behaviour: on [unit feature, 8 log-probabilities] rows as probes get a recall at 10 of 0.99 and probes [unit feature,
#   weights] far less at the same efSearch. One more column, sqrt(longest^2 - length^2) for rows and 0 for probes,
#   makes all rows equally long, keeps every score and order, and mends most of it.
# Versions: faiss-cpu 1.15.1, NumPy 2.4.6.
# Source: milvus-io/milvus issue 51821, nmslib/hnswlib issue 74 (inner product is no metric; graphs by it lose rows).
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
centres = rng.normal(size=(300, 64))


def faces(count: int) -> np.ndarray:
    rows = centres[rng.integers(0, 300, count)] + 0.7 * rng.normal(size=(count, 64))
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


chances = np.log(np.clip(rng.beta(0.3, 0.3, size=(6000, 8)), 1e-4, 1)) / np.log(1e4)
rows = np.concatenate([faces(6000), 0.7 * chances], axis=1).astype("float32")
weights = 2.0 * (rng.random((200, 8)) < 0.25)
probes = np.concatenate([faces(200), weights], axis=1).astype("float32")
lengths = (rows**2).sum(axis=1)
print("lengths of rows:", float(lengths.min() ** 0.5), "to", float(lengths.max() ** 0.5))


def index_of(vectors: np.ndarray) -> faiss.IndexHNSWFlat:
    index = faiss.IndexHNSWFlat(vectors.shape[1], 16, faiss.METRIC_INNER_PRODUCT)
    index.add(vectors)
    index.hnsw.efSearch = 64
    return index


def recall(index: faiss.IndexHNSWFlat, asked: np.ndarray) -> float:
    truth = np.argsort(-(asked @ rows.T), axis=1)[:, :10]
    padded = np.pad(asked, ((0, 0), (0, index.d - asked.shape[1])))
    found = index.search(padded, 10)[1]
    return sum(len(set(got) & set(want)) for got, want in zip(found.tolist(), truth.tolist())) / truth.size


plain = index_of(rows)
equal = index_of(np.c_[rows, np.sqrt(lengths.max() - lengths)].astype("float32"))
seen = {"rows": recall(plain, rows[:200]), "probes": recall(plain, probes), "probes, mended": recall(equal, probes)}
print("recall at 10, efSearch 64:", seen)
assert seen["rows"] > 0.97 and seen["probes"] < 0.9 and seen["probes, mended"] > seen["probes"] + 0.05, seen
PY
echo "as recorded"
