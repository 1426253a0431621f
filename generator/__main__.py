"""Train on a machine that has torch, NumPy, Pillow and safetensors, and no more.

Example: python -m generator cmu-faces:faces.tar.gz --architecture two-stage-32 --attribute eyes
--recipe fast --out runs/eyes

The same run, files and options as `mindseye train`, but for --protocol, and without its progress
bars.
"""

import argparse
import sys
from pathlib import Path

from gallery.align import Crop
from gallery.errors import UserError
from gallery.joined import join
from gallery.marks import marked
from gallery.readers.registry import open_faces
from generator.device import pick_device
from generator.freed_memory import keep_freed_memory
from generator.runs.request import TrainRequest, make_request
from generator.runs.run import TrainingProgress, train
from generator.training.config import RECIPES


def main(arguments: list[str] | None = None) -> int:
    """Train, report to stderr, and return the exit status."""
    options = _parser().parse_args(arguments)
    keep_freed_memory()
    try:
        for progress in train(_request(options), resume=options.resume):
            _report(progress)
    except (UserError, OSError) as error:
        sys.stderr.write(f"Error: {error}\n")
        return 1
    sys.stderr.write(f"Weights: {options.out}\n")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m generator", description=__doc__)
    parser.add_argument("spec")
    parser.add_argument("--architecture", required=True)
    parser.add_argument("--attribute", action="append", required=True)
    parser.add_argument("--also", action="append", default=[])
    parser.add_argument("--recipe", default="fast", choices=RECIPES)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--config", type=Path)
    parser.add_argument("--steps", type=int)
    split = parser.add_mutually_exclusive_group()
    split.add_argument("--train-identities")
    split.add_argument("--fold")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--crop")
    parser.add_argument("--landmarks", type=Path)
    parser.add_argument("--start")
    parser.add_argument("--new-wishes", action="store_true")
    parser.add_argument("--resume", action="store_true")
    return parser


def _request(options: argparse.Namespace) -> TrainRequest:
    faces = open_faces(options.spec)
    if options.landmarks is not None:
        faces = marked(faces, options.landmarks)
    faces = join([faces, *map(open_faces, options.also)])
    return make_request(
        faces,
        architecture_name=options.architecture,
        attributes=tuple(options.attribute),
        recipe_name=options.recipe,
        config=options.config,
        steps=options.steps,
        train_identities=options.train_identities,
        fold=options.fold,
        out=options.out,
        seed=options.seed,
        device=pick_device(options.device),
        crop=Crop.parse(options.crop) if options.crop is not None else None,
        start=options.start,
        new_wishes=options.new_wishes,
    )


def _report(progress: TrainingProgress) -> None:
    if progress.note is not None:
        sys.stderr.write(f"{progress.note}\n")
    if progress.problem is not None:
        sys.stderr.write(f"Skipped {progress.problem.name}: {progress.problem.reason}\n")
    elif progress.done % 100 == 0 or progress.done == progress.total:
        loss = "" if progress.loss is None else f"  loss {progress.loss:.4f}"
        sys.stderr.write(f"{progress.phase}: {progress.done}/{progress.total}{loss}\n")


if __name__ == "__main__":
    sys.exit(main())
