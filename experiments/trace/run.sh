#!/usr/bin/env bash
# Count the files of the project that one query enters: IMAGE --wish NAME=VALUE --collection DIR
set -euo pipefail
exec .venv/bin/python -m experiments.trace.files query "$@"
