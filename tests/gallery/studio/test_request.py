import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gallery.attributes import natural_key
from gallery.errors import ConfigError, DatasetError, WishError
from gallery.studio.attributes import SPACE
from gallery.studio.request import (
    RESERVED,
    STUDIO_249,
    STUDIO_MINI,
    DrawRequest,
    identity_name,
)


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"identities": 0}, ConfigError, "at least one is drawn; got 0"),
        ({"identities": 1, "first_identity": -1}, ConfigError, "numbered from 0"),
        ({"identities": 1, "size": 31}, ConfigError, r"32\.\.256 pixels, got 31"),
        ({"identities": 1, "quality": 0}, ConfigError, r"quality 1\.\.100"),
        ({"identities": 1, "attributes": ("pose", "pose")}, ConfigError, "attribute once"),
        ({"identities": 1, "values": {"age": ("20",)}}, ConfigError, "attribute once"),
        ({"identities": 1, "attributes": ("posse",)}, WishError, "did you mean 'pose'"),
        ({"identities": RESERVED + 1}, ConfigError, "kept for studio-mini"),
    ],
)
def test_what_cannot_be_drawn_is_refused(
    settings: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        DrawRequest(**settings)


def test_the_twin_of_multi_pie_has_its_size_and_its_split_in_natural_order() -> None:
    assert STUDIO_249.images == 34_860
    names = [identity_name(number) for number in STUDIO_249.numbers]
    assert sorted(names, key=natural_key) == names
    assert len(names[100:]) * 7 * 20 == 20_860


def test_nobody_of_the_packaged_gallery_can_be_drawn_for_training() -> None:
    for request in STUDIO_MINI.values():
        assert request.numbers.start >= RESERVED


@settings(deadline=None, max_examples=30)
@given(st.permutations(SPACE.names), st.integers(1, 4))
def test_shots_and_their_conditions_make_up_the_whole_grid(names: list[str], count: int) -> None:
    request = DrawRequest(identities=1, attributes=tuple(names[:count]))
    found = [c for shot in request.shots() for c in request.conditions(shot)]
    assert len(set(found)) == len(found) == request.images
    assert all(tuple(condition) == request.space.names for condition in found)


def test_poses_change_fastest_so_that_a_scene_serves_all_of_them() -> None:
    request = DrawRequest(identities=1, attributes=("pose", "accessory"))
    assert [shot["accessory"] for shot in request.shots()][:8] == ["none"] * 7 + ["fedora"]


def test_a_request_survives_json() -> None:
    request = DrawRequest(identities=3, attributes=("pose", "age"), values={"age": ("20", "80")})
    back = DrawRequest.from_json(json.loads(json.dumps(request.to_json())))
    assert back.to_json() == request.to_json()
    assert back.space == request.space


def test_another_form_is_an_error() -> None:
    with pytest.raises(DatasetError, match="not a request to draw"):
        DrawRequest.from_json({"identities": 3})
