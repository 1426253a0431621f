"""Fixtures for the generator's tests: tiny labelled faces, drawn, and requests to train on them."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image, ImageDraw

from gallery.align import Aligner
from gallery.attributes import Attribute, AttributeSpace
from gallery.faces import FaceSet
from gallery.pixels import Aligned, align_all, align_each
from gallery.readers.registry import open_faces
from generator.card import Card
from generator.networks.registry import architecture
from generator.networks.two_stage import TwoStage, initialise
from generator.runs.request import CPU, TrainRequest, make_request

Paint = Callable[..., FaceSet]
MakeFaces = Callable[..., FaceSet]
Ask = Callable[..., TrainRequest]
MakeCard = Callable[..., Card]
MakeNetwork = Callable[[Card], TwoStage]

POSES = ("-45", "0", "45")
LIGHTS = ("left", "right")
SKINS = ("#c89070", "#8a5a3c", "#e8c0a0", "#6e7f9a")


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Compute on one thread: sums then come out alike bit for bit."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def paint() -> Paint:
    """Draw people as blobs into a folder and read it; see `paint_faces`."""
    return paint_faces


@pytest.fixture
def make_faces(tmp_path: Path) -> MakeFaces:
    """Draw people as blobs into a folder of the test's own; see `paint_faces`."""
    return partial(paint_faces, tmp_path / "faces")


def paint_faces(folder: Path, people: int = 4, poses: int = 3, lights: int = 2) -> FaceSet:
    """Draw people as blobs: colour tells the person, place the pose, background the light."""
    folder.mkdir()
    lines = ["path,identity,pose,light"]
    for person, pose, light in product(range(people), range(poses), range(lights)):
        file = f"s{person + 1}-{pose}-{light}.png"
        _blob(person, pose, light).save(folder / file)
        lines.append(f"{file},s{person + 1},{POSES[pose]},{LIGHTS[light]}")
    (folder / "labels.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return open_faces(f"folder:{folder}")


def _blob(person: int, pose: int, light: int) -> Image.Image:
    image = Image.new("RGB", (40, 40), "#404858" if light else "#a8a090")
    draw = ImageDraw.Draw(image)
    left = 4 + 6 * pose
    draw.ellipse((left, 6, left + 18 + person, 36), fill=SKINS[person])
    draw.rectangle((left + 5, 14, left + 12, 16 + person), fill="#101010")
    return image


@pytest.fixture(scope="session")
def ask() -> Ask:
    """Request a tiny training run; see `ask_for`."""
    return ask_for


def ask_for(
    faces: FaceSet, out: Path = Path("run"), recipe: str = "fast", **train: Any
) -> TrainRequest:
    """Request a tiny training run for `pose` with two-stage-32; keywords change [train]."""
    request = make_request(
        faces,
        architecture_name="two-stage-32",
        attributes=("pose",),
        recipe_name=recipe,
        out=out,
        device=CPU,
        train_identities=None if len(faces.identities) == 1 else "0.5",
    )
    settings = {"steps": 2, "batch_size": 3, "precision": "float32", **train}
    config = request.recipe.train_with(settings, "test")
    return replace(request, recipe=replace(request.recipe, train=config), checkpoint_every=2)


@pytest.fixture
def tiny(tmp_path: Path) -> TrainRequest:
    """A request of the test's own: one person to train on, one held out, two poses each."""
    return ask_for(paint_faces(tmp_path / "faces", people=2, poses=2, lights=1), tmp_path / "run")


@pytest.fixture
def align() -> Callable[[TrainRequest], Aligned]:
    """Cut out all the faces of a request."""

    def align(request: TrainRequest) -> Aligned:
        return align_all(list(align_each(request.faces, request.aligner())), request.faces.spec)

    return align


@pytest.fixture
def make_card() -> MakeCard:
    """Write a card for `pose` in three values; keywords change it."""

    def make(built: str = "two-stage-32", **changes: Any) -> Card:
        shape = architecture(built)
        pose = Attribute("pose", POSES, "degree")
        card = Card(
            name="tiny",
            architecture=built,
            space=AttributeSpace((pose,)),
            aligner=Aligner(size=shape.size, channels=shape.channels),
            mean=(100.5, 110.25, 90.0)[: shape.channels],
            deviation=(50.0, 60.5, 40.75)[: shape.channels],
        )
        return replace(card, **changes)

    return make


@pytest.fixture
def make_network() -> MakeNetwork:
    """Build an untrained network for a card."""

    def make(card: Card) -> TwoStage:
        network = architecture(card.architecture).build(card.space.size, card.network)
        assert isinstance(network, TwoStage)
        initialise(network, torch.Generator().manual_seed(0))
        return network

    return make
