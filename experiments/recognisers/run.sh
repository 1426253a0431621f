#!/usr/bin/env bash
# How well SFace tells people apart, by what it is shown: CMU Face Images over poses, London over expressions.
# Usage: experiments/recognisers/run.sh DATA     (a folder with cmu-faces.tar.gz and portraits.tar.gz)
set -euo pipefail
cd "$(dirname "$0")/../.."
data=${1:?DATA, a folder with cmu-faces.tar.gz and portraits.tar.gz}
photos=$(mktemp -d)
trap 'rm -rf "$photos"' EXIT
tar -xzf "$data/portraits.tar.gz" -C "$photos"
.venv/bin/python -m experiments.recognisers.tell_apart "cmu-faces:$data/cmu-faces.tar.gz" --values straight,left,right --sizes 0,32
.venv/bin/python -m experiments.recognisers.tell_apart "folder:$photos/portraits" --attribute expression --people london --sizes 0,32
