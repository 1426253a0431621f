import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from gallery.errors import DatasetError
from gallery.studio.library import Library, to_linear, to_srgb
from gallery.studio.meshes import read_groups, read_proxy, read_target

OBJ = """# comment
v 0 0 0
v 1 0 0
v 1 1 0
v 0 1 0
vt 0 0
vt 1 0
vt 1 1
vt 0 1
g body
f 1/1 2/2 3/3 4/4
g tongue
f 1/1 2/2 3/3
"""


def test_a_face_of_four_corners_becomes_two_triangles(tmp_path: Path) -> None:
    (tmp_path / "a.obj").write_text(OBJ)
    vertices, groups = read_groups(tmp_path / "a.obj")
    assert vertices.shape == (4, 3)
    assert groups["body"].triangles.tolist() == [[0, 1, 2], [0, 2, 3]]
    assert groups["tongue"].uv.tolist() == [[[0, 0], [1, 0], [1, 1]]]


@pytest.mark.parametrize("suffix", [".target", ".target.gz"])
def test_a_target_says_which_vertices_move_how_far(tmp_path: Path, suffix: str) -> None:
    text = b"# comment\n7 0.1 0 -0.5\n9 0 .25 0\n"
    path = tmp_path / f"a{suffix}"
    path.write_bytes(gzip.compress(text) if suffix.endswith("gz") else text)
    target = read_target(path)
    assert target.indices.tolist() == [7, 9]
    assert np.allclose(target.offsets, [[0.1, 0, -0.5], [0, 0.25, 0]])


def test_a_proxy_hangs_on_three_vertices(tmp_path: Path) -> None:
    data = {
        "ref_vIdxs": [[0, 1, 2]] * 4,
        "weights": [[0.5, 0.25, 0.25]] * 4,
        "offsets": [[0, 0, 1], [0, 0, 2], [0, 0, 3], [0, 0, 4]],
        "uvs": [[0, 0, 1, 0, 1, 1, 0, 1]],
        # A quad with material and texture coordinates (bits 0, 1, 3), then a plain triangle.
        "faces": [11, 0, 1, 2, 3, 0, 3, 2, 1, 0, 0, 0, 1, 2],
    }
    (tmp_path / "a.json").write_text(json.dumps(data))
    proxy = read_proxy(tmp_path / "a.json")
    body = np.array([[0, 0, 0], [4, 0, 0], [0, 4, 0]], np.float32)
    assert proxy.triangles.tolist() == [[0, 1, 2], [0, 2, 3], [0, 1, 2]]
    assert proxy.uv[0].tolist() == [[0, 1], [1, 1], [1, 0]]
    assert proxy.fit(body)[0].tolist() == [1, 1, 1]
    assert proxy.fit(body, 2.0)[0].tolist() == [1, 1, 2]


@pytest.mark.parametrize("name", ["a.target", "a.target.gz", "a.json", "a.obj"])
def test_a_damaged_asset_says_how_to_get_it_again(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text("v one two three\n")
    reader = {".obj": read_groups, ".json": read_proxy}.get(path.suffix, read_target)
    with pytest.raises(DatasetError, match=r"(cannot be read|damaged).* run `mindseye studio"):
        reader(path)


def test_an_unknown_target_or_picture_is_an_error(tmp_path: Path) -> None:
    library = Library(tmp_path)
    with pytest.raises(DatasetError, match="no morph target 'chin-up'"):
        library.target("chin-up")
    with pytest.raises(DatasetError, match="holds no picture"):
        library.lips(32)


def test_the_srgb_curve_goes_there_and_back() -> None:
    levels = np.linspace(0, 1, 256, dtype=np.float32)
    assert np.allclose(to_srgb(to_linear(levels)), levels, atol=1e-5)
    assert np.isclose(to_linear(np.array([0.5], np.float32))[0], 0.2140, atol=1e-4)
