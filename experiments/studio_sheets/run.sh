#!/usr/bin/env bash
# Draw the sheets of docs/studio anew.
# Usage: experiments/studio_sheets/run.sh [FOLDER]     (docs/studio)
set -euo pipefail
cd "$(dirname "$0")/../.."
bash scripts/studio-assets
exec .venv/bin/python -m experiments.studio_sheets.sheets "$@"
