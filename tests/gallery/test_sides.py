"""Which side pose=45 is: one sentence, the same wherever it is said, and true of what is drawn."""

import re
from pathlib import Path

import numpy as np
import pytest

from gallery.attributes import POSE_SIDE
from gallery.readers import cmu_faces, multipie
from gallery.readers.registry import open_faces
from gallery.summary import sides_text
from tests.running import Mindseye

ROOT = Path(__file__).parents[2]


def plain(text: str) -> str:
    return re.sub(r"\s+", " ", text.replace("`", ""))


@pytest.mark.parametrize("page", ["README.md", "docs/transfer.md", "docs/studio.md"])
def test_every_page_says_it_alike_with_the_picture(page: str) -> None:
    text = (ROOT / page).read_text("utf-8")
    assert POSE_SIDE in plain(text)
    assert "pose.png)" in text


def test_the_help_of_query_and_the_counts_of_a_collection_say_it_alike(mindseye: Mindseye) -> None:
    assert POSE_SIDE in plain(mindseye("query", "--help").out)
    assert POSE_SIDE in plain(mindseye("data", "show", "studio-mini").out)


def test_a_set_with_its_own_words_for_the_sides_says_how_they_differ() -> None:
    faces = open_faces("studio-mini")
    for module, said in ((cmu_faces, cmu_faces.SIDE), (multipie, POSE_SIDE)):
        assert sides_text(type(faces)(spec="x", root=ROOT, faces=(), space=module.SPACE)) == [
            f"  {said}"
        ]


def test_the_nose_is_where_the_sentence_says() -> None:
    """Turned to one side, the face fills that half of the picture, and hair the other."""
    faces = open_faces("studio-mini")
    person = faces.identities[1]

    def redness(pose: str) -> float:
        wanted = {"pose": pose, "illumination": "17", "accessory": "none", "expression": "neutral"}
        face = next(
            one
            for one in faces.of([person]).faces
            if all(one.condition.get(name) == value for name, value in wanted.items())
        )
        pixels = np.asarray(faces.load(face).convert("RGB"), dtype=np.float64)
        red = pixels[..., 0] - pixels[..., 1:].mean(axis=2)  # lips most of all
        rows = red[len(red) // 2 :]
        strong = rows * (rows > np.quantile(rows, 0.97))
        columns = np.arange(rows.shape[1])
        return float((strong.sum(axis=0) * columns).sum() / strong.sum() / rows.shape[1])

    assert redness("45") < redness("0") < redness("-45")
