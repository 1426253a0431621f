"""Lessons: what a teacher makes of images, and whose partner is whose."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from gallery.align import Landmarks
from gallery.arrays import normalise
from gallery.errors import ConfigError, WeightsError
from gallery.readers.registry import open_faces
from generator.engine import Engine
from generator.student.lessons import Lessons, teach

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def teacher(make_fitted_weights: Callable[..., Path]) -> Engine:
    return Engine.open(make_fitted_weights("teacher-32"), CPU, precision=torch.float32)


@pytest.fixture(scope="module")
def folder(teacher: Engine, faces_spec: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("lessons")
    steps = list(teach(teacher, open_faces(faces_spec), made))
    assert (steps[-1].done, steps[-1].total) == (30, 30)
    return made


def test_the_second_drawing_is_the_one_that_searches_the_partner(
    teacher: Engine, folder: Path
) -> None:
    lessons = Lessons.read([folder])
    assert len(lessons) == 30
    asking = torch.nonzero(lessons.partner >= 0).flatten()
    assert len(asking) >= 20  # a few images are cut badly, and partners of nobody
    others = lessons.partner[asking]
    assert (lessons.person[asking] == lessons.person[others]).all()
    assert (lessons.group[asking] == lessons.group[others]).all()
    assert len(set(others.tolist())) == len(others)  # nobody is searched by two
    drawn = teacher.draw(lessons.pixels.numpy(), lessons.asked_codes.numpy())
    np.testing.assert_allclose(normalise(drawn.features), lessons.asked.float(), atol=2e-3)


def test_log_p_and_canonical_views_are_the_teachers(teacher: Engine, folder: Path) -> None:
    lessons = Lessons.read([folder])
    pixels = lessons.pixels.numpy()
    np.testing.assert_allclose(teacher.log_probabilities(pixels), lessons.log_p, atol=1e-5)
    chosen = lessons.log_p.argmax(dim=1)
    assert (lessons.own_codes.argmax(dim=1) == chosen).all()
    drawn = teacher.draw(pixels, lessons.own_codes.numpy())
    away = np.square(drawn.refined - pixels).mean(axis=(1, 2, 3))
    np.testing.assert_allclose(away, lessons.errors, rtol=1e-4)


def test_what_is_there_is_not_computed_again(
    teacher: Engine, folder: Path, faces_spec: str
) -> None:
    files = sorted(folder.glob("*.safetensors"))
    before = [file.stat().st_mtime_ns for file in files]
    list(teach(teacher, open_faces(faces_spec), folder))
    assert [file.stat().st_mtime_ns for file in files] == before


def test_lessons_of_other_images_are_refused(
    teacher: Engine, folder: Path, faces_spec: str
) -> None:
    faces = open_faces(faces_spec)
    with pytest.raises(ConfigError, match="holds lessons of other images"):
        list(teach(teacher, faces.of(["p1"]), folder))


def test_lessons_of_other_labels_or_landmarks_are_refused(
    teacher: Engine, folder: Path, faces_spec: str
) -> None:
    faces = open_faces(faces_spec)
    first, *others = faces.faces
    elsewhere = Landmarks((15, 12), (15, 28))
    changes = (replace(first, identity="p2"), replace(first, landmarks=elsewhere))
    for changed in (
        *changes,
        replace(first, condition=first.condition.replace({"light": "right"})),
    ):
        with pytest.raises(ConfigError, match="other images, labels or landmarks"):
            list(teach(teacher, replace(faces, faces=(changed, *others)), folder))


def test_people_without_a_name_are_nobodys_partner(
    teacher: Engine, tmp_path: Path, faces_dir: Path
) -> None:
    bare = tmp_path / "bare"
    bare.mkdir()
    for name in ("p1-0-left.png", "p1-45-left.png", "p2-0-left.png"):
        (bare / name).write_bytes((faces_dir / name).read_bytes())
    list(teach(teacher, open_faces(f"folder:{bare}"), tmp_path / "lessons"))
    lessons = Lessons.read([tmp_path / "lessons"])
    assert lessons.partner.tolist() == [-1, -1, -1]
    assert lessons.person.tolist() == [0, 1, 2]


def test_several_sets_are_read_one_behind_the_other(folder: Path) -> None:
    alone, twice = Lessons.read([folder]), Lessons.read([folder, folder])
    assert len(twice) == 60
    assert int(twice.person.max()) == 2 * int(alone.person.max()) + 1
    later = twice.partner[30:]
    assert torch.equal(later[later >= 0] - 30, alone.partner[alone.partner >= 0])


def test_an_empty_folder_holds_no_lessons(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="There are no lessons in"):
        Lessons.read([tmp_path])
