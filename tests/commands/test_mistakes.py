"""What users get wrong is told in one line, with what to do."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from gallery.readers.registry import open_faces
from generator.engine import Engine
from retrieval.collection.build import build
from retrieval.collection.collection import Collection
from tests.commands.mistakes import MISTAKES
from tests.running import Mindseye, one_line_error


@pytest.fixture(scope="module")
def places(
    tmp_path_factory: pytest.TempPathFactory,
    collection_dir: Path,
    faces_dir: Path,
    pose_weights: Path,
    light_weights: Path,
    make_weights: Callable[..., Path],
) -> dict[str, str]:
    """What the placeholders in MISTAKES stand for."""
    folder = tmp_path_factory.mktemp("places")
    (folder / "notes.png").write_text("These are my notes.")
    (folder / "photos").mkdir()
    shutil.copy(faces_dir / "p1-0-left.png", folder / "photos")
    shutil.copytree(collection_dir, folder / "copied")
    paths = {
        "photo": faces_dir / "p1-0-left.png",
        "collection": collection_dir,
        "spec": f"folder:{faces_dir}",
        "folder": folder,
        "photos": folder / "photos",
        "text": folder / "notes.png",
        "new": folder / "new",
        "copied": folder / "copied",
        "only": folder / "only",
        "weights": pose_weights.parent,
        "light": light_weights.parent,
        "others": make_weights("pose-32", seed=9).parent,
    }
    return {name: str(path) for name, path in paths.items()}


@pytest.fixture(scope="module")
def only_light(places: dict[str, str]) -> None:
    """A collection with one space, which has no images."""

    weights = Path(places["light"]) / "weights.safetensors"
    collection = Collection.open_or_create(Path(places["only"]))
    engine = Engine.open(weights, torch.device("cpu"))
    empty = open_faces(f"folder:{places['photos']}").of([])
    list(build(collection, empty, engine, weights))
    collection.close()


@pytest.mark.usefixtures("only_light")
@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_one_line_that_says_what_to_do(
    mindseye: Mindseye, places: dict[str, str], mistake: str
) -> None:
    command, expected = (text.format(**places) for text in MISTAKES[mistake])
    message = one_line_error(mindseye(*command.split()))
    for part in expected.split("…"):
        assert part.strip() in message
    assert message.startswith(expected.split("…")[0].strip())
    assert not Path(places["new"]).exists()


def test_a_space_without_images_says_so(
    mindseye: Mindseye, places: dict[str, str], only_light: None
) -> None:
    assert only_light is None
    ran = mindseye(
        *("query", places["photo"], "--wish", "light=left", "--collection", places["only"])
    )
    assert "holds no images. Add some, then build: mindseye index build" in one_line_error(ran)
