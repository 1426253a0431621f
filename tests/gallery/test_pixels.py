from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from gallery.align import Aligner, Crop, Landmarks
from gallery.attributes import AttributeSpace
from gallery.errors import DatasetError
from gallery.faces import Face, FaceSet, Problem
from gallery.pixels import align_all, align_each

ALIGNER = Aligner(size=8, channels=3)


def face_set(root: Path, *faces: Face) -> FaceSet:
    return FaceSet(spec="folder:photos", root=root, faces=faces, space=AttributeSpace(()))


def test_bad_files_are_reported_where_they_stand(put: Callable[..., Path], photos: Path) -> None:
    put("a.png")
    put("b.png", "no image")
    put("d.png")
    faces = face_set(photos, Face("a.png"), Face("b.png"), Face("c.png"), Face("d.png"))
    pairs = list(align_each(faces, ALIGNER))
    assert [face.name for face, _ in pairs] == ["a.png", "b.png", "c.png", "d.png"]
    aligned = align_all(pairs, faces.spec)
    assert [face.name for face in aligned.faces] == ["a.png", "d.png"]
    assert aligned.pixels.shape == (2, 8, 8, 3)
    assert aligned.pixels.dtype == np.uint8
    assert [problem.name for problem in aligned.problems] == ["b.png", "c.png"]
    assert aligned.problems[1] == Problem("c.png", "cannot be read: No such file or directory")


def test_a_face_outside_its_image_is_reported(put: Callable[..., Path], photos: Path) -> None:
    put("a.png")
    face = Face("a.png", landmarks=Landmarks((500, 500), (500, 510)))
    [(_, problem)] = align_each(face_set(photos, face), ALIGNER)
    assert isinstance(problem, Problem)
    assert "does not fit the image of 12 x 10" in problem.reason


def test_landmarks_win_over_the_crop(put: Callable[..., Path], photos: Path) -> None:
    put("a.png")
    cropping = Aligner(size=8, channels=3, crop=Crop(500, 500, 10, 10))
    [(_, refused)] = align_each(face_set(photos, Face("a.png")), cropping)
    assert isinstance(refused, Problem)
    known = Face("a.png", landmarks=Landmarks((6, 4), (6, 8)))
    [(_, pixels)] = align_each(face_set(photos, known), cropping)
    assert isinstance(pixels, np.ndarray)


def test_faces_are_read_one_by_one(put: Callable[..., Path], photos: Path) -> None:
    put("a.png")
    pairs = align_each(face_set(photos, Face("a.png"), Face("late.png")), ALIGNER)
    next(pairs)
    put("late.png")
    assert isinstance(next(pairs)[1], np.ndarray)


def test_a_set_without_one_good_image_is_refused(photos: Path) -> None:
    pairs = list(align_each(face_set(photos, Face("x.png")), ALIGNER))
    with pytest.raises(
        DatasetError,
        match=r"No image of folder:photos can be used; the first: x\.png: cannot be read",
    ):
        align_all(pairs, "folder:photos")
    with pytest.raises(DatasetError, match=r"No image of folder:photos can be used$"):
        align_all([], "folder:photos")
