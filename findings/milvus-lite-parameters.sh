#!/usr/bin/env bash
# milvus-lite: takes the parameters of an IVF index and of its search, and finds every true neighbour whatever they are.
# Expectation: "the same API as Milvus": nlist and nprobe set a trade of recall for speed, to be tried on a laptop first.
# Behaviour: on 6000 rows nprobe=1 of nlist=64 finds all ten of ten for each probe, where faiss with the same numbers
#   finds far fewer. The description of the index does not name nlist. A trial with milvus-lite says nothing of recall.
# Versions: milvus-lite 3.2.2, pymilvus 3.0.2, faiss-cpu 1.15.1, NumPy 2.4.6.
# Source: milvus-lite's README (same client as Milvus); Milvus' documentation of IVF_FLAT (nlist, nprobe).
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check \
    milvus-lite==3.2.2 pymilvus==3.0.2 faiss-cpu==1.15.1 numpy==2.4.6
"$work/venv/bin/python" -W ignore - "$work/trial.db" <<'PY'
import sys

import faiss
import numpy as np
from pymilvus import DataType, MilvusClient

faiss.omp_set_num_threads(1)
rows = np.random.default_rng(0).normal(size=(6000, 16)).astype("float32")
flat = faiss.IndexFlatL2(16)
flat.add(rows)
truth = flat.search(rows[:50], 10)[1]


def recall(found: list) -> float:
    return sum(len(set(got) & set(want.tolist())) for got, want in zip(found, truth)) / truth.size


lists = faiss.index_factory(16, "IVF64,Flat")
lists.train(rows)
lists.add(rows)
lists.nprobe = 1
by_faiss = recall(lists.search(rows[:50], 10)[1].tolist())

client = MilvusClient(sys.argv[1])
schema = client.create_schema(auto_id=False)
schema.add_field("id", DataType.INT64, is_primary=True)
schema.add_field("feature", DataType.FLOAT_VECTOR, dim=16)
index = client.prepare_index_params()
index.add_index("feature", index_type="IVF_FLAT", metric_type="L2", params={"nlist": 64})
client.create_collection("faces", schema=schema, index_params=index)
client.insert("faces", [{"id": n, "feature": row.tolist()} for n, row in enumerate(rows)])
client.flush("faces")
client.load_collection("faces")
described = client.describe_index("faces", "feature")
answers = client.search("faces", rows[:50].tolist(), limit=10, search_params={"params": {"nprobe": 1}})
by_milvus = recall([[hit["id"] for hit in answer] for answer in answers])
client.close()
print(described)
print(f"recall at 10 with nprobe=1 of nlist=64: faiss {by_faiss}, milvus-lite {by_milvus}")
assert by_milvus == 1.0 and by_faiss < 0.9 and "nlist" not in described
PY
echo "as recorded"
