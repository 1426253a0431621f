from dataclasses import replace

import numpy as np
import pytest

from gallery.studio.identity import sample_identity
from gallery.studio.library import Library
from gallery.studio.meshes import Floats
from gallery.studio.skin import TONES, SkinPainter
from gallery.studio.traits import SyntheticPerson

UNIT = 256


@pytest.fixture(scope="module")
def painter(library: Library) -> SkinPainter:
    return SkinPainter(library, UNIT)


def face(painter: SkinPainter, identity: SyntheticPerson, age_years: float = 30) -> Floats:
    """Return the mean colour of the bare face."""
    bare = (painter.places.face > 0.9) & (painter.places.beard < 0.1) & (painter.places.lips < 0.1)
    return np.asarray(painter.paint(identity, age_years).colour[bare].mean(axis=0))


def test_tones_darken_and_are_redder_than_they_are_blue() -> None:
    assert (np.diff(TONES, axis=0) < 0).all()
    assert (np.diff(TONES, axis=1) < 0).all()


@pytest.mark.parametrize("number", [4, 9, 12])
def test_a_darker_tone_makes_a_darker_skin_for_anybody(painter: SkinPainter, number: int) -> None:
    person = sample_identity(0, number)
    means = [
        face(painter, replace(person, skin=replace(person.skin, tone=tone))).mean()
        for tone in (0.0, 0.3, 0.6, 0.9)
    ]
    assert means == sorted(means, reverse=True)
    assert means[0] > 3 * means[-1]


def test_stubble_does_not_lighten_the_skin_even_where_it_is_grey(painter: SkinPainter) -> None:
    person = sample_identity(0, 14)
    skin = replace(person.skin, tone=0.9, beard=False, moustache=False, stubble=0.0)
    shaved = replace(person, skin=skin)
    grown = replace(person, skin=replace(skin, stubble=1.0))
    chin = painter.places.beard > 0.5
    dark, darker = (painter.paint(who, 75).colour[chin].mean() for who in (shaved, grown))
    assert darker < dark


def test_the_masks_of_a_face_lie_where_they_should(painter: SkinPainter) -> None:
    places = painter.places

    def height(mask: Floats) -> float:
        on_head = np.where(places.place[..., 1] > 0, mask, 0)
        return float(np.average(places.place[..., 1], weights=on_head))

    assert height(places.beard) < height(places.lips) < height(places.moustache)
    assert height(places.moustache) < height(places.under_eyes) < height(places.lids)
    for mask in (places.lips, places.face, places.beard, places.moustache, places.lids):
        assert 0 <= mask.min() <= mask.max() <= 1
