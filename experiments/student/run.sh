#!/usr/bin/env bash
# The student of the packaged weights: sets, lessons, updates, and how well it agrees.
# Usage: experiments/student/run.sh PORTRAITS.tar.gz CMU.tar.gz OUT [WEIGHTS]     (WEIGHTS: a name or file; it is written beside them. Default: pose-mindseye-60)
# What is finished is not done again. The people of London, of held_out.txt and of CMU are learnt from never.
set -euo pipefail
cd "$(dirname "$0")/../.."
archive=$(realpath "${1:?the archive of portraits}") cmu=$(realpath "${2:?the archive of CMU Face Images}") out=${3:?OUT, a folder} weights=${4:-pose-mindseye-60}
[ ! -e "$weights" ] || weights=$(realpath "$weights")
root=$PWD bin=$PWD/.venv/bin
mkdir -p "$out"
[ -d "$out/portraits" ] || tar -xzf "$archive" -C "$out"
[ -d "$out/photographs" ] || "$bin/python" -m experiments.photographs.split "$out/portraits" "$out/photographs"
[ -d "$out/parted" ] || "$bin/python" -m experiments.student.split "$out/photographs/train" "$out/parted" "$weights"
cd "$out" # so that cards name sets, not where they lay
export PYTHONPATH=$root
draw() { "$bin/mindseye" studio draw "$1" --identities "$2" --first-identity "$3" --attributes pose,illumination --value "illumination=$4" --size 60 --seed 0; }
draw drawn-a 200 50000 0,4,8,11,15,17
draw drawn-b 200 50200 1,5,9,12,16,17
draw drawn-c 200 50400 2,6,10,13,17,18
draw drawn-d 200 50600 3,7,11,14,17,19
"$bin/mindseye" studio draw drawn-glasses --identities 60 --first-identity 50800 --attributes pose,illumination,accessory --value illumination=3,9,17 \
    --value accessory=sunglasses,thick-glasses --size 60 --seed 0
"$bin/mindseye" studio lift folder:parted/learn lifts-learn --value illumination=0,4,8,10,13,17
"$bin/mindseye" weights distil "$weights" studio:drawn-a --also studio:drawn-b --also studio:drawn-c --also studio:drawn-d --also studio:drawn-glasses \
    --also studio:lifts-learn --out student --steps 3600
# How well it agrees, on people that neither has learnt from.
draw agree 60 11000 1,3,5,7,9,11,13,17
"$bin/mindseye" studio lift folder:parted/aside lifts-aside --value illumination=0,2,4,6,8,10,12,17
"$bin/mindseye" studio lift folder:photographs/london lifts-london --value illumination=0,2,4,6,8,10,12,17
if [ ! -e landmarks.csv ]; then
    "$bin/mindseye" data find-faces "cmu-faces:$cmu" --out finding.csv
    mv finding.csv landmarks.csv
fi
"$bin/mindseye" weights agree "$weights" studio:agree --kind "drawn people" --bound 1
"$bin/mindseye" weights agree "$weights" studio:lifts-aside --people validation --kind "lifted people" --bound 1
"$bin/mindseye" weights agree "$weights" "cmu-faces:$cmu" --landmarks landmarks.csv --protocol cmu-pose --people unseen --kind "CMU photographs" --bound 3
methods=ours,student,fused,student/fused,random
"$bin/mindseye" bench studio-mini --weights "$weights" --methods "$methods" --out bench-mini
"$bin/mindseye" bench studio:lifts-london --weights "$weights" --methods "$methods" --queries 1000 --out bench-london
"$bin/mindseye" bench "cmu-faces:$cmu" --landmarks landmarks.csv --weights "$weights" --protocol cmu-pose --portraits --methods "$methods" --out bench-cmu
"$bin/python" "$root/benchmarks/student.py" studio:agree --weights "$weights" --out speed.json
