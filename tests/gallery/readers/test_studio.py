import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gallery.errors import DatasetError, ImageError
from gallery.faces import FaceSet
from gallery.readers import studio
from gallery.readers.registry import open_faces
from gallery.studio.request import RESERVED, STUDIO_MINI, DrawRequest, identity_name
from gallery.studio.shards import (
    MANIFEST,
    MINI,
    SetManifest,
    StudioShard,
    encode_strip,
    pack,
    picture_name,
    read_manifest,
    shard_path,
)

REQUEST = DrawRequest(
    identities=2,
    attributes=("pose", "illumination", "occlusion"),
    values={"pose": ("0", "90"), "illumination": ("3", "7"), "occlusion": ("none", "eyes")},
    size=32,
)


def write_set(folder: Path, request: DrawRequest) -> None:
    """Write plain tiles, whose red tells the person and whose green the light."""
    shards = []
    for number in request.numbers:
        tiles = np.zeros((len(request.tiles()), request.size, request.size, 3), np.uint8)
        tiles[..., 0] = 60 + 100 * (number % 2)
        tiles[..., 1] = 50 + 50 * np.arange(len(tiles))[:, None, None]
        strip = encode_strip(tiles, 95)
        data = pack({picture_name(shot): strip for shot in request.shots()})
        path = shard_path(folder, identity_name(number))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        shards.append(StudioShard(identity_name(number), len(data), "00"))
    made = SetManifest(request, 1, {}, {}, tuple(shards))
    (folder / MANIFEST).write_text(json.dumps(made.to_json()))


@pytest.fixture
def faces(tmp_path: Path) -> FaceSet:
    write_set(tmp_path, REQUEST)
    return open_faces(f"studio:{tmp_path}")


def test_every_cell_of_the_grid_is_one_face(faces: FaceSet) -> None:
    assert len(faces) == REQUEST.images == 16
    assert faces.holes() == []
    assert faces.identities == ("000000", "000001")
    assert len({face.name for face in faces.faces}) == 16
    assert faces.space["pose"].unit == "degree"


def test_a_face_is_its_tile_and_its_bytes_are_a_ppm_image(faces: FaceSet) -> None:
    for face in faces.faces:
        assert faces.read(face).startswith(b"P6 32 32\n255\n")
        red, green, _ = np.asarray(faces.load(face))[30, 30]
        assert abs(int(red) - (60 + 100 * int(face.identity or 0))) < 6
        assert abs(int(green) - (50 if face.condition["illumination"] == "3" else 100)) < 6


def test_an_occlusion_is_laid_over_when_the_face_is_read(faces: FaceSet) -> None:
    for face in faces.faces:
        hidden = np.asarray(faces.load(face))[13, 16].max() == 0
        assert hidden == (face.condition["occlusion"] == "eyes")


def test_the_same_face_has_the_same_bytes_in_another_place(
    faces: FaceSet, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = tmp_path_factory.mktemp("other")
    write_set(other, REQUEST)
    again = open_faces(f"studio:{other}")
    assert [faces.read(f) for f in faces.faces] == [again.read(f) for f in again.faces]


def test_a_missing_and_a_short_shard_are_problems_and_the_rest_is_read(tmp_path: Path) -> None:
    write_set(tmp_path, REQUEST)
    first, second = (shard_path(tmp_path, identity_name(number)) for number in (0, 1))
    first.unlink()
    left = studio.read("s", tmp_path)
    assert left.identities == ("000001",)
    assert [p.reason for p in left.problems] == ["the shard is missing"]
    second.write_bytes(second.read_bytes()[:-5])
    with pytest.raises(DatasetError, match=r"All shards of .* are missing or cut short"):
        studio.read("s", tmp_path)


def test_a_damaged_picture_is_an_image_error(faces: FaceSet) -> None:
    shard = shard_path(faces.root, "000000")
    data = bytearray(shard.read_bytes())
    data[80:200] = bytes(120)
    shard.write_bytes(bytes(data))
    damaged = next(f for f in faces.faces if f.identity == "000000")
    with pytest.raises(ImageError, match=r"000000\.zip cannot be read"):
        faces.read(damaged)


def test_the_packaged_gallery_opens_by_its_name() -> None:
    mini = open_faces("studio-mini")
    assert len(mini) == sum(request.images for request in STUDIO_MINI.values())
    assert not mini.problems
    assert all(int(name) >= RESERVED for name in mini.identities)
    grid = mini.labelled(["pose", "illumination"])
    counts = Counter(face.name.partition("/")[0] for face in grid.faces)
    assert counts["pose"] == 24 * 7 * 20
    assert len({(face.identity, face.condition) for face in mini.faces}) == len(mini)
    assert all(mini.space.check(face.condition) == face.condition for face in mini.faces)
    assert set(mini.space.names) == {
        *("pose", "illumination", "expression", "accessory", "age", "occlusion")
    }


def test_every_kind_of_picture_of_the_packaged_gallery_can_be_read() -> None:
    mini = open_faces("studio-mini")
    for part in STUDIO_MINI:
        face = next(f for f in mini.faces if f.name.startswith(f"{part}/"))
        assert mini.load(face).size == (60, 60)
        assert mini.load(face).mode == "RGB"


def test_the_packaged_gallery_is_small() -> None:
    files = [path for path in MINI.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= 4_000_000


def test_without_its_files_the_packaged_gallery_says_so(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"The packaged gallery is not in .*; install"):
        studio.read_mini("studio-mini", tmp_path)


def test_tiles_are_cut_to_the_decoder_s_size(faces: FaceSet) -> None:
    image: Image.Image = faces.load(faces.faces[0])
    assert image.size == (32, 32)


def test_a_shard_that_was_drawn_again_is_read_again(faces: FaceSet) -> None:
    face = faces.faces[0]
    before = faces.read(face)
    write_set(faces.root, DrawRequest.from_json({**REQUEST.to_json(), "first_identity": 1}))
    shard_path(faces.root, "000000").write_bytes(shard_path(faces.root, "000001").read_bytes())
    assert faces.read(face) != before


def test_what_decides_how_people_look_is_known_of_them() -> None:
    mini = open_faces("studio-mini")
    assert mini.traits is not None
    known = [mini.traits(who) for who in mini.identities]
    assert [list(one) for one in known] == [["ancestry", "gender", "age group"]] * 24
    manifest = read_manifest(MINI / "pose")
    for trait, counted in (("ancestry", "ancestry"), ("gender", "gender"), ("age group", "age")):
        found = Counter(one[trait] for one in known)
        assert found == {v: n for v, n in manifest.balance[counted].items() if n}
