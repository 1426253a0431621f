"""A synthetic photograph: somebody whom the studio draws, whose 468 points are known exactly."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gallery.align import Pixels
from gallery.arrays import Floats
from gallery.detection.geometry import NoFaceError
from gallery.faces import Face, FaceSet
from gallery.readers.registry import open_faces
from gallery.studio.camera import SAMPLES, Shot, look
from gallery.studio.geometry import NEUTRAL, head_shape
from gallery.studio.hair_styles import STYLES
from gallery.studio.identity import sample_identity
from gallery.studio.library import Library
from gallery.studio.lift import writer
from gallery.studio.lift.head_model import HeadModel, head_model
from gallery.studio.render import Appearance, Seated
from gallery.studio.sitter import Sitters

SIDE = 256


@dataclass(frozen=True)
class Portrait:
    """What the studio knows of its own drawing.

    Attributes:
        seated: Who was drawn.
        pixels: Straight on, (SIDE, SIDE, 3).
        points: The 468 points as a perfect mesh would see them.
    """

    seated: Seated
    pixels: Pixels
    points: Floats


@pytest.fixture(scope="session")
def model(library: Library) -> HeadModel:
    return head_model(library)


@pytest.fixture(scope="session")
def sitter(library: Library, model: HeadModel) -> Portrait:
    style = next(style for style in STYLES if style.name == "crop")
    who = sample_identity(3, 8)
    who = replace(who, hair=replace(who.hair, style=style))
    scene = Sitters(library, 512).seat(who, who.age_years, NEUTRAL, Appearance().accessory)
    shot = Shot(0.0)
    seated = Seated(scene, who.skin.shine, (3, 1))
    (pixels,) = seated.pictures(shot, SIDE, [17])
    body = head_shape(library, who, who.age_years)
    places = replace(scene, points=model.points(body[model.vertices]), eyeballs=slice(0, 0))
    view = look(places, shot, SIDE).points
    per_dm = (view[:, 0].max() - view[:, 0].min()) / np.ptp(places.points[:, 0]) / SAMPLES
    depth = (view[:, 2] - view[:, 2].mean() + model.depth) * per_dm
    points = np.stack([view[:, 0] / SAMPLES, view[:, 1] / SAMPLES, depth], axis=1)
    return Portrait(seated, pixels, points.astype(np.float32))


@pytest.fixture
def photographs(tmp_path: Path, sitter: Portrait, monkeypatch: pytest.MonkeyPatch) -> FaceSet:
    """Two people and a wall; the face mesh is a fake that knows them."""
    folder = tmp_path / "photographs"
    folder.mkdir()
    Image.fromarray(sitter.pixels).save(folder / "ann.png")
    Image.fromarray(sitter.pixels[:, ::-1]).save(folder / "bob.png")
    Image.new("RGB", (SIDE, SIDE)).save(folder / "wall.png")
    lines = "path,identity\nann.png,Ann\nbob.png,Bob/2\nwall.png,Wall\n"
    (folder / "labels.csv").write_text(lines)

    class KnowsThem:
        def look(self, image: Image.Image, face: Face) -> Floats:
            if not np.asarray(image).any():
                raise NoFaceError(f"no face was found in {face.name}")
            return sitter.points

    monkeypatch.setattr(writer, "PointFinder", KnowsThem)
    return open_faces(f"folder:{folder}")
