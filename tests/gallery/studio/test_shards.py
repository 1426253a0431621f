import io
import json
import zipfile
from pathlib import Path
from random import Random

import numpy as np
import pytest

from gallery.attributes import Condition
from gallery.errors import DatasetError
from gallery.studio.request import DrawRequest
from gallery.studio.shards import (
    MANIFEST,
    REQUEST,
    SetManifest,
    StudioShard,
    decode_strip,
    encode_strip,
    pack,
    picture_name,
    read_manifest,
    read_strip,
)
from tests.fuzzing import damaged, quick_and_long, tried

MADE = SetManifest(
    DrawRequest(identities=1),
    1,
    {"a.whl": "00"},
    {"gender": {"male": 1}},
    (StudioShard("0", 5, "ff"),),
)


def test_a_strip_gives_back_its_tiles_but_for_the_compression() -> None:
    ramp = np.linspace(0, 255, 40, dtype=np.uint8)
    tiles = np.stack([np.broadcast_to(ramp[:, None, None] // n, (40, 40, 3)) for n in (1, 2, 3)])
    back = decode_strip(encode_strip(tiles, 90), 40)
    assert back.shape == tiles.shape
    assert np.abs(back.astype(int) - tiles).mean() < 3


def test_a_picture_that_is_no_strip_is_refused() -> None:
    with pytest.raises(DatasetError, match="not a WebP picture"):
        decode_strip(b"no picture", 40)
    with pytest.raises(DatasetError, match="120 x 40 pixels are not tiles of 50"):
        decode_strip(encode_strip(np.zeros((3, 40, 40, 3), np.uint8), 80), 50)


def test_a_shard_is_an_ordinary_zip_file_and_always_the_same() -> None:
    shard = pack({"pose=0.webp": b"one", "pose=15.webp": b"two"})
    assert shard == pack({"pose=0.webp": b"one", "pose=15.webp": b"two"})
    with zipfile.ZipFile(io.BytesIO(shard)) as file:
        assert file.read("pose=15.webp") == b"two"


def test_pictures_are_named_by_their_values() -> None:
    assert picture_name(Condition(pose="-45", accessory="cap")) == "pose=-45,accessory=cap.webp"
    assert picture_name(Condition(accessory="cap", pose="-45")) == "pose=-45,accessory=cap.webp"
    assert picture_name(Condition()) == "standard.webp"


def test_a_manifest_survives_the_disk(tmp_path: Path) -> None:
    (tmp_path / MANIFEST).write_text(json.dumps(MADE.to_json()))
    assert read_manifest(tmp_path).to_json() == MADE.to_json()


def test_a_folder_without_a_set_says_how_to_draw_one(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"no drawn set in .* Draw one with `mindseye studio"):
        read_manifest(tmp_path)


def test_an_unfinished_set_says_how_to_finish_it(tmp_path: Path) -> None:
    (tmp_path / REQUEST).write_text("{}")
    with pytest.raises(DatasetError, match="not finished; run the same `mindseye studio draw`"):
        read_manifest(tmp_path)


@pytest.mark.parametrize("text", ["", "[]", '{"format": "other/9"}', '{"format": 3'])
def test_a_damaged_manifest_is_an_error(tmp_path: Path, text: str) -> None:
    (tmp_path / MANIFEST).write_text(text)
    with pytest.raises(DatasetError, match=r"manifest\.json cannot be used: .* Draw the set again"):
        read_manifest(tmp_path)


class Shards:
    """Damages shards of drawn sets."""

    def __init__(self, folder: Path) -> None:
        tiles = np.random.default_rng(0).integers(0, 256, (3, 40, 40, 3)).astype(np.uint8)
        pictures = {f"{n}.webp": encode_strip(tiles, 80) for n in range(3)}
        self.whole, self.path = pack(pictures), folder / "000001.zip"

    def __call__(self, random: Random) -> None:
        self.path.write_bytes(damaged(self.whole, random))
        assert read_strip(self.path, "1.webp", 40).shape == (3, 40, 40, 3)


@pytest.mark.parametrize("seeds", quick_and_long(100, 500))
def test_damaged_shards_are_refused_in_one_line(tmp_path: Path, seeds: range) -> None:
    assert tried(Shards, tmp_path, seeds)["refused"] > 0


def test_a_picture_that_swells_takes_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "000001.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("a.webp", bytes(65 * 2**20))
    with pytest.raises(DatasetError, match="'a.webp' has more than 67,108,864 bytes"):
        read_strip(path, "a.webp", 40)
