"""Wishes of several people, drawn in one pass; what is known of a source is kept for the next."""

import numpy as np

from gallery.align import Pixels
from gallery.arrays import Floats
from gallery.attributes import Attribute
from gallery.wishes import Wishes
from generator.canonical import RECONSTRUCTION, Rule
from retrieval.search.drawing import SeenFaces, draw_wishes
from retrieval.search.searcher import read_at_once
from tests.drawing import Told, numbered

POSE = Attribute("pose", ("-45", "0", "45"), "degree")
LIGHT = Attribute("light", ("left", "right"))
ERRORS = np.array([[9, 4, 1, 4, 0], [1, 4, 9, 0, 4], [4, 0, 4, 4, 0]], dtype=np.float32)
RULE = Rule(RECONSTRUCTION)


class Counting:
    """A reader that says how many it looked at, each time."""

    width, fingerprint, detail, needs_portraits = 2, "counts", "counts", True

    def __init__(self) -> None:
        self.looked: list[int] = []

    def read(self, pixels: Pixels, portraits: Pixels | None) -> Floats:
        assert portraits is not None
        assert len(pixels) == len(portraits)
        self.looked.append(len(portraits))
        level = portraits[:, 0, 0, 0].astype(np.float32)
        return np.stack([level, np.ones_like(level)], axis=1)


def faces_of(count: int) -> list[SeenFaces]:
    pixels = numbered(count)
    return [SeenFaces(one[None], np.repeat(one[None], 3, axis=3)) for one in pixels]


def test_what_a_source_shows_is_estimated_once_for_all_its_wishes() -> None:
    engine, asked = Told(ERRORS, None, POSE, LIGHT), []

    def log_p(pixels: Pixels, portraits: Pixels | None) -> Floats | None:
        assert portraits is not None
        asked.append(pixels[:, 0, 0, 0].tolist())
        return None

    first, second, third = faces_of(3)
    wishes = [Wishes.parse([wish]) for wish in ("pose=45", "pose=0", "light=left")]
    draw_wishes(engine, RULE, [(first, wishes[0]), (second, wishes[0])], log_p=log_p)
    kept = draw_wishes(engine, RULE, [(first, wishes[1]), (third, wishes[2])], log_p=log_p)
    assert asked == [[0, 1], [2]]
    fresh = faces_of(3)
    alone = draw_wishes(engine, RULE, [(fresh[0], wishes[1]), (fresh[2], wishes[2])])
    assert [one.estimate for one in kept] == [one.estimate for one in alone]
    assert [one.errors for one in kept] == [one.errors for one in alone]
    for one, other in zip(kept, alone, strict=True):
        np.testing.assert_array_equal(one.drawn.refined, other.drawn.refined)


def test_portraits_of_many_sources_are_read_in_one_pass_and_once() -> None:
    reader, faces = Counting(), faces_of(4)
    read_at_once("identity", reader, faces[:3])
    read_at_once("identity", reader, faces)  # one alone is read when it is asked for
    assert reader.looked == [3]
    assert [one.kept.terms["identity"].tolist() for one in faces[:3]] == [
        [[level, 1.0]] for level in (0.0, 1.0, 2.0)
    ]
    assert faces[3].kept.terms == {}
    several = SeenFaces(numbered(2), np.repeat(numbered(2), 3, axis=3))
    read_at_once("identity", reader, [several, faces[3], *faces_of(1)])
    assert reader.looked == [3, 2]  # several images of one person are no row each
    assert several.kept.terms == {}
