#!/usr/bin/env bash
# Draw docs/pose.png anew.
# Usage: experiments/pose_picture/run.sh [FILE]     (docs/pose.png)
set -euo pipefail
cd "$(dirname "$0")/../.."
exec .venv/bin/python -m experiments.pose_picture.picture "${1:-docs/pose.png}"
