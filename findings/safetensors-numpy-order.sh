#!/usr/bin/env bash
# safetensors: a NumPy array in column order is written as it lies in memory and read back with other values.
# Expectation: save() writes an array's values, whatever its order in memory, as 0.7.0 did and as numpy.save does,
#   or refuses it as the torch writer of the same package does.
# Behaviour: in 0.8.0 the shape is kept and the values are shuffled. No error, no warning. 0.7.0 was right.
#   Column order is common: a transposed matrix, a PCA's components, what a Fortran routine returns.
# Versions: safetensors 0.8.0 (and 0.7.0 for comparison), NumPy 2.4.6.
# Source: safetensors/safetensors issue 825.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
cat >"$work/try.py" <<'PY'
import sys

import numpy as np
import safetensors
from safetensors.numpy import load, save

rows = np.arange(6, dtype="float32").reshape(2, 3)
same = []
for name, array in (("rows", rows), ("transposed", rows.T), ("column order", np.asfortranarray(rows))):
    back = load(save({"array": array}))["array"]
    same.append(np.array_equal(array, back))
    print(safetensors.__version__, name, array.tolist(), "->", back.tolist())
assert same == [True, *[sys.argv[1] == "kept"] * 2], same
PY
for pair in 0.7.0:kept 0.8.0:shuffled; do
    "$work/venv/bin/pip" install --quiet --disable-pip-version-check "safetensors==${pair%:*}" numpy==2.4.6
    "$work/venv/bin/python" "$work/try.py" "${pair#*:}"
done
echo "as recorded"
