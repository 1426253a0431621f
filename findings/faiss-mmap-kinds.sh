#!/usr/bin/env bash
# faiss: of the indexes read with IO_FLAG_MMAP many are read into memory all the same, without a word.
# Expectation: IO_FLAG_MMAP maps the file, so that a large index opens at once and shares its pages.
# Behaviour: only plain inverted lists are mapped. Fast-scan lists (PQ, RaBitQ), flat and HNSW indexes are read whole.
#   IO_FLAG_MMAP_IFC maps flat and HNSW ones, and leaves a fast-scan PQ without lists unmapped. No call tells which.
# Versions: faiss-cpu 1.15.1, NumPy 2.4.6; Linux (the maps of a process are read).
# Source: facebookresearch/faiss, the comments on IO_FLAG_MMAP and IO_FLAG_MMAP_IFC in faiss/index_io.h.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check faiss-cpu==1.15.1 numpy==2.4.6
"$work/venv/bin/python" - "$work" <<'PY'
import sys
from pathlib import Path

import faiss
import numpy as np

faiss.omp_set_num_threads(1)
rows = np.random.default_rng(0).normal(size=(4000, 32)).astype("float32")
RECORDED = {  # spec: (mapped with IO_FLAG_MMAP, mapped with IO_FLAG_MMAP_IFC)
    "IVF16,Flat": (True, True),
    "IVF16,RaBitQ": (True, True),
    "IVF16,PQ16x4fs": (False, True),
    "IVF16,RaBitQfs": (False, True),
    "Flat": (False, True),
    "HNSW16": (False, True),
    "PQ16x4fs": (False, False),
}
seen = {}
for number, spec in enumerate(RECORDED):
    index = faiss.index_factory(32, spec)
    index.train(rows)
    index.add(rows)
    path = f"{sys.argv[1]}/{number}.faiss"
    faiss.write_index(index, path)
    mapped = []
    for flag in (faiss.IO_FLAG_MMAP, faiss.IO_FLAG_MMAP_IFC):
        opened = faiss.read_index(path, flag)
        mapped.append(path in Path("/proc/self/maps").read_text())
        del opened
    seen[spec] = tuple(mapped)
    print(f"{spec:16} MMAP maps the file: {mapped[0]!s:6} MMAP_IFC: {mapped[1]}")
assert seen == RECORDED, seen
PY
echo "as recorded"
