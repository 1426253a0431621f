from dataclasses import replace

import pytest

from gallery.studio.geometry import eyes, head_shape
from gallery.studio.hair import hair_mesh
from gallery.studio.hair_styles import STYLES, Style
from gallery.studio.hats import HATS, hair_under, hat_mesh, hat_texture
from gallery.studio.identity import sample_identity
from gallery.studio.library import Library

PERSON = sample_identity(0, 11)


@pytest.mark.parametrize("style", STYLES[::3], ids=lambda style: style.name)
@pytest.mark.parametrize("hat", HATS)
def test_no_hair_stands_out_above_a_hat(library: Library, style: Style, hat: str) -> None:
    body = head_shape(library, PERSON, 30)
    hair = replace(PERSON.hair, style=style)
    mesh = hair_mesh(library, hair, body, under_hat=True)
    if mesh is None:
        return
    top = hat_mesh(hat, library, body)
    shown = hair_under(top, hat, mesh, body)
    if len(shown.triangles):
        assert shown.vertices[shown.triangles][..., 1].max() < top.vertices[:, 1].max()


@pytest.mark.parametrize("name", HATS)
def test_a_hat_sits_on_top_of_the_head(library: Library, name: str) -> None:
    body = head_shape(library, PERSON, 30)
    hat = hat_mesh(name, library, body)
    skull = body[:13380]
    assert hat.vertices[:, 1].max() > skull[:, 1].max()
    assert hat.vertices[:, 1].min() > eyes(body)[0, 1] - 0.9
    assert hat_texture(name, library, 32).shape == (32, 32, 3)
