from dataclasses import replace

import numpy as np
import pytest

from gallery.studio.geometry import eyes, head_shape
from gallery.studio.hair import hair_colour, hair_mesh, hair_texture
from gallery.studio.hair_styles import STYLES, Style
from gallery.studio.identity import sample_identity
from gallery.studio.library import Library
from gallery.studio.meshes import Floats
from gallery.studio.traits import Hair

PERSON = sample_identity(0, 11)


def hidden_eyes(library: Library, hair: Hair, body: Floats) -> int:
    """Count the eyes that hair covers from the front."""
    mesh = hair_mesh(library, hair, body, under_hat=False)
    if mesh is None:
        return 0
    middles = mesh.vertices[mesh.triangles].mean(axis=1)
    hidden = 0
    for eye in eyes(body):
        before = np.linalg.norm(middles[:, :2] - eye[:2], axis=1) < 0.08
        hidden += bool((before & (middles[:, 2] > eye[2])).any())
    return hidden


@pytest.mark.parametrize("style", STYLES, ids=lambda style: style.name)
def test_no_style_covers_both_eyes(library: Library, style: Style) -> None:
    body = head_shape(library, PERSON, 30)
    assert hidden_eyes(library, replace(PERSON.hair, style=style), body) < 2


def test_in_most_people_hair_is_off_both_eyes(library: Library) -> None:
    people = [sample_identity(0, number) for number in range(30)]
    hidden = [hidden_eyes(library, who.hair, head_shape(library, who, 30)) for who in people]
    assert hidden.count(0) >= 26


def test_hair_greys_with_age() -> None:
    dark = replace(PERSON.hair, colour=(0.02, 0.015, 0.01), greys_at_years=55)
    shades = [float(hair_colour(dark, age).mean()) for age in (20, 35, 50, 65, 80)]
    assert shades == sorted(shades)
    assert shades[-1] > 10 * shades[0]


@pytest.mark.parametrize("style", STYLES, ids=lambda style: style.name)
def test_the_picture_of_hair_has_light_and_holes(library: Library, style: Style) -> None:
    hair = replace(PERSON.hair, style=style)
    colour, alpha = hair_texture(library, hair, 30, 64, under_hat=False)
    assert colour.shape == (64, 64, 3)
    assert alpha.min() >= 0
    assert alpha.max() <= 1
    assert (alpha > 0.5).any()
