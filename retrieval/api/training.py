"""Training a generator, from Python and from the command line."""

from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

from gallery.align import Crop
from gallery.faces import FaceSet
from generator.device import pick_device
from generator.runs import run
from generator.runs.request import TrainRequest, make_request
from retrieval.api.faces import load_faces
from retrieval.api.progress import Callback, follow
from retrieval.evaluation.protocol.files import find_protocol
from retrieval.evaluation.protocol.query_table import about


def train(  # noqa: PLR0913  one argument for each option of the command line
    faces: str | FaceSet | Sequence[str | FaceSet],
    *,
    architecture: str,
    attributes: Sequence[str],
    out: str | Path,
    recipe: str = "fast",
    config: str | Path | None = None,
    steps: int | None = None,
    train_identities: str | None = None,
    fold: str | None = None,
    seed: int = 0,
    device: str = "auto",
    crop: str | Crop | None = None,
    landmarks: str | Path | None = None,
    start: str | None = None,
    new_wishes: bool = False,
    protocol: str | None = None,
    resume: bool = False,
    progress: Callback | None = None,
) -> Path:
    """Train a generator; leave its weights, their card, a log and sample pictures in a folder.

    Args:
        faces: A SPEC with labels, such as "folder:photos", or what `load_faces` returned; or
            several, whose images are trained on together.
        architecture: Registered name, such as "mindseye-60" (docs/families.md).
        attributes: What can be wished for, in order.
        out: Folder of the run; its name becomes the weights'.
        recipe: "fast", "tuned" for retrieval, or "paper": as published.
        config: TOML file that changes the recipe.
        steps: Updates of stages 1 and 2.
        train_identities: The first N people, or a share of all, like "0.7".
        fold: "K/N": all people but the K-th of N runs. Without either, everybody is trained on.
        seed: Seed of initial weights and order.
        device: "auto", "cpu", "cuda" or "cuda:N".
        crop: Where the face is, "X,Y,W,H", in images without landmarks.
        landmarks: File of landmarks, beside those of the SPEC.
        start: Weights to begin with: a folder, file or packaged name.
        new_wishes: Whether attributes and values that they do not know begin anew.
        protocol: Name or file: which images and people, and what values are called.
        resume: Go on with a run that was stopped.
        progress: Told how far it is. What it raises stops the run; it can be resumed.

    Returns:
        The weights' file.

    Raises:
        UserError: Something that the caller can put right.
    """
    opened, said = load_faces(faces, landmarks), dict[str, Any]()
    if protocol is not None:
        chosen = find_protocol(protocol, opened.spec)
        opened = about(opened, chosen)
        said = {key: chosen.to_json()[key] for key in ("names", "gallery")}
        if train_identities is None and fold is None and chosen.train_identities:
            train_identities = chosen.train_identities
    request = make_request(
        opened,
        architecture_name=architecture,
        attributes=tuple(attributes),
        recipe_name=recipe,
        config=None if config is None else Path(config),
        steps=steps,
        train_identities=train_identities,
        fold=fold,
        out=Path(out),
        seed=seed,
        device=pick_device(device),
        crop=Crop.parse(crop) if isinstance(crop, str) else crop,
        start=start,
        new_wishes=new_wishes,
        about=said,
    )
    follow(_steps(request, resume=resume), progress, "training")
    return Path(out) / "weights.safetensors"


def _steps(request: TrainRequest, *, resume: bool) -> Generator[run.TrainingProgress, None, None]:
    yield from run.train(request, resume=resume)
