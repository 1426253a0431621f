#!/usr/bin/env bash
# OpenVINO: save_model() writes the weights in half precision unless told otherwise; the saved model answers otherwise.
# Expectation: saving a float32 model and loading it again changes nothing, so features stored before and after agree.
# Behaviour: the weights file has half the size, and the outputs (computed in float32) differ a thousand times more
#   than by rounding. compress_to_fp16=False keeps them. Near-equal rows of a gallery change places.
# Versions: openvino 2026.4.1, onnx 1.23.2 (to make the model), NumPy 2.4.6.
# Source: OpenVINO's documentation of openvino.save_model (compress_to_fp16, true by default).
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check openvino==2026.4.1 onnx==1.23.2 numpy==2.4.6
"$work/venv/bin/python" - "$work" <<'PY'
import sys
from pathlib import Path

import numpy as np
import onnx
import openvino
from onnx import TensorProto, helper, numpy_helper

work = Path(sys.argv[1])
rng = np.random.default_rng(0)
weights = rng.normal(size=(64, 256)).astype("float32")
graph = helper.make_graph(
    [helper.make_node("MatMul", ["faces", "weights"], ["features"])],
    "project",
    [helper.make_tensor_value_info("faces", TensorProto.FLOAT, ["n", 64])],
    [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["n", 256])],
    [numpy_helper.from_array(weights, "weights")],
)
onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), work / "model.onnx")
core = openvino.Core()
model = core.read_model(work / "model.onnx")
openvino.save_model(model, work / "default.xml")
openvino.save_model(model, work / "kept.xml", compress_to_fp16=False)

faces = rng.normal(size=(4, 64)).astype("float32")
exact = faces.astype("float64") @ weights
error = {}
for name in ("model.onnx", "kept.xml", "default.xml"):
    compiled = core.compile_model(work / name, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    error[name] = float(np.abs(compiled(faces)[0] - exact).max())
    print(f"{name:12} largest error {error[name]:.1e}")
sizes = {name: (work / f"{name}.bin").stat().st_size for name in ("default", "kept")}
print("bytes of weights:", sizes)
assert sizes == {"default": weights.nbytes // 2, "kept": weights.nbytes}, sizes
assert error["kept.xml"] < 1e-4 < 1e-3 < error["default.xml"], error
PY
echo "as recorded"
