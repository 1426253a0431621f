"""The table of photographs: heads that were not found count as misses."""

import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from experiments.photographs.degrade import USUAL, worn, write_worn
from experiments.photographs.table import queries_of, to_markdown
from gallery.readers.registry import open_faces
from retrieval.evaluation.protocol.protocol import Protocol
from retrieval.evaluation.statistics.summary import score_all, summarise
from tests.retrieval.evaluation import simulated


def test_queries_that_nobody_could_ask_are_misses() -> None:
    record = simulated.record(4, names=("ours", "raw"), most=200)
    summary = json.loads(json.dumps(summarise(record, score_all(record))))
    asked = summary["queries"]
    whole = {criterion: 2 * count for criterion, count in asked.items()}
    rows = {
        line.split("|")[1].strip(): [cell.split()[0] for cell in line.split("|")[2:-1]]
        for line in to_markdown(summary, whole).splitlines()
        if line.startswith("| `")
    }
    for method in summary["methods"]:
        if "scores" in method:
            value = method["scores"]["C1"]["R@5"]["value"]
            assert float(rows[f"`{method['name']}`"][1]) == pytest.approx(50 * value, abs=0.051)


def test_an_estimate_counts_as_the_nearest_value_that_is_shown() -> None:
    record = simulated.record(4, names=("ours",), most=50)
    summary = json.loads(json.dumps(summarise(record, score_all(record))))
    confusion = [[0] * 7 for _ in range(7)]
    confusion[0][:3] = [5, 3, 2]  # -45, taken for -45, -30 and -15
    confusion[3][2:5] = [1, 8, 1]  # 0, taken for -15, 0 and 15
    values = ["-45", "-30", "-15", "0", "15", "30", "45"]
    told = {"by": "ours", "values": values, "confusion": confusion, "images": 20}
    said = to_markdown({**summary, "estimates": [told]}, summary["queries"])
    assert "the nearest of -45, 0 is right in 90.0 % of 20 heads" in said


def test_queries_are_counted_as_if_every_face_were_found(faces_spec: str, faces_dir: Path) -> None:
    faces = open_faces(faces_spec)
    counted = queries_of(faces, Protocol(attributes=("pose",)))
    poses = len(faces.space["pose"].values)
    assert counted["C1"] == len(list(faces_dir.glob("*.png"))) * (poses - 1)


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
