"""Images worn out as photographs come."""

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from gallery.readers.registry import open_faces
from gallery.wear import USUAL, worn, write_worn


def test_worn_images_keep_their_labels_and_are_small(faces_spec: str, tmp_path: Path) -> None:
    faces = open_faces(faces_spec)
    assert write_worn(faces, tmp_path / "worn", each=3, seed=0) == 3 * len(faces.identities)
    again = open_faces(f"folder:{tmp_path / 'worn'}")
    assert again.identities == faces.identities
    assert again.space["pose"] == faces.space["pose"]
    known = {(face.identity, face.condition["pose"]) for face in faces.faces}
    assert {(face.identity, face.condition["pose"]) for face in again.faces} <= known
    for face in again.faces:
        assert 24 <= again.load(face).width <= 64
    write_worn(faces, tmp_path / "same", each=3, seed=0)
    for path in (tmp_path / "worn").iterdir():
        assert path.read_bytes() == (tmp_path / "same" / path.name).read_bytes()


def test_what_is_not_worn_stays_as_it_is() -> None:
    random = np.random.default_rng(0)
    flat = np.full((40, 40, 3), (200, 100, 50), np.uint8)
    whole = replace(USUAL, side=(40.0, 40.0), scale=(1.0, 1.0), shift=0.0, gray=0.0)
    none = replace(whole, gamma=(1.0, 1.0), blur=(0.0, 0.0), noise=(0.0, 0.0), quality=(95, 95))
    found = np.asarray(Image.open(io.BytesIO(worn(flat, random, none))), dtype=float)
    assert np.abs(found - flat).max() <= 4
    gray = np.asarray(Image.open(io.BytesIO(worn(flat, random, replace(none, gray=1.0)))))
    assert gray.shape == (40, 40)
