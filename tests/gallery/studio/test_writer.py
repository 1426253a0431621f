import os
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gallery.errors import ConfigError, DatasetError
from gallery.readers.studio import read
from gallery.studio import writer as writer_module
from gallery.studio.request import DrawRequest
from gallery.studio.shards import MANIFEST, SHARDS
from gallery.studio.writer import draw
from tests.waiting import running, wait_until, wait_while_it_works

ROOT = Path(__file__).parents[3]
SMALL = DrawRequest(
    identities=3, attributes=("pose", "illumination"), values={"pose": ("0", "45")}, size=32
)


@pytest.fixture(scope="module")
def drawn(assets_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("drawn")
    steps = list(draw(out, SMALL, assets=assets_folder))
    assert [(step.done, step.total) for step in steps] == [(1, 3), (2, 3), (3, 3)]
    return out


def manifest(folder: Path) -> bytes:
    return (folder / MANIFEST).read_bytes()


def test_a_set_that_is_finished_is_not_drawn_again(drawn: Path, assets_folder: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in drawn.rglob("*")}
    (step,) = draw(drawn, SMALL, assets=assets_folder)
    assert (step.done, step.total) == (3, 3)
    assert {path: path.stat().st_mtime_ns for path in drawn.rglob("*")} == before


def test_two_workers_draw_the_same_manifest_as_one(
    drawn: Path, assets_folder: Path, tmp_path: Path
) -> None:
    steps = list(draw(tmp_path, SMALL, workers=2, assets=assets_folder))
    assert [step.done for step in steps] == [1, 2, 3]
    assert manifest(tmp_path) == manifest(drawn)


def test_a_set_that_was_left_in_the_middle_is_finished_alike(
    drawn: Path, assets_folder: Path, tmp_path: Path
) -> None:
    for _ in draw(tmp_path, SMALL, assets=assets_folder):
        break
    (tmp_path / SHARDS / ".000001.zip.123.partial").write_bytes(b"cut short")
    steps = list(draw(tmp_path, SMALL, assets=assets_folder))
    assert [step.done for step in steps] == [1, 2, 3]
    assert manifest(tmp_path) == manifest(drawn)
    assert sorted(p.name for p in (tmp_path / SHARDS).iterdir()) == [
        *("000000.zip", "000001.zip", "000002.zip")
    ]


def test_a_writer_that_is_killed_leaves_a_set_that_can_be_finished(
    drawn: Path, assets_folder: Path, tmp_path: Path
) -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from gallery.studio.request import DrawRequest\nfrom gallery.studio.writer import draw\n"
        f"request = DrawRequest.from_json({SMALL.to_json()!r})\n"
        "for _ in draw(Path(sys.argv[1]), request, assets=Path(sys.argv[2])): pass"
    )
    command = [sys.executable, "-c", code, str(tmp_path), str(assets_folder)]
    with running(command) as writer:
        wait_while_it_works(writer, lambda: bool(list(tmp_path.glob(f"{SHARDS}/*.zip"))))
    list(draw(tmp_path, SMALL, assets=assets_folder))
    assert manifest(tmp_path) == manifest(drawn)


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="process groups are POSIX")
def test_workers_end_when_the_writer_is_killed(assets_folder: Path, tmp_path: Path) -> None:
    script = tmp_path / "write.py"
    script.write_text(
        "import sys; from pathlib import Path\n"
        "from gallery.studio.request import DrawRequest\nfrom gallery.studio.writer import draw\n"
        f"request = DrawRequest.from_json({replace(SMALL, identities=40).to_json()!r})\n"
        "if __name__ == '__main__':\n"
        "    for _ in draw(Path(sys.argv[1]), request, workers=2, assets=Path(sys.argv[2])): pass"
    )
    command = [sys.executable, str(script), str(tmp_path / "out"), str(assets_folder)]
    with running(command, {**os.environ, "PYTHONPATH": str(ROOT)}) as writer:
        wait_while_it_works(writer, lambda: bool(list(tmp_path.glob(f"out/{SHARDS}/*.zip"))))
        writer.kill()
        writer.wait()
        wait_until(lambda: not is_alive(writer.pid))  # each has a person in hand


def test_a_worker_that_is_killed_is_an_error_with_a_next_step(
    assets_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer_module, "_draw_person", killed)
    with pytest.raises(DatasetError, match=r"ended from outside.* with fewer --workers"):
        list(draw(tmp_path, SMALL, workers=2, assets=assets_folder))


def killed(*_: object) -> None:
    """End the process, as the kernel does when memory runs out."""
    os._exit(9)


def is_alive(group: int) -> bool:
    """Say whether a process of a group is left."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def test_other_sets_of_the_same_people_hold_the_same_pictures(
    drawn: Path, assets_folder: Path, tmp_path: Path
) -> None:
    other = DrawRequest(
        identities=1,
        first_identity=2,
        attributes=("accessory", "pose"),
        values={"accessory": ("cap", "none"), "pose": ("45",)},
        size=32,
        quality=100,
    )
    list(draw(tmp_path, other, assets=assets_folder))
    there, here = read("a", drawn), read("b", tmp_path)
    mine = [f for f in here.faces if f.condition["accessory"] == "none"]
    shot = {"pose": "45", "illumination": "17"}
    same = [f for f in there.faces if f.identity == "000002" and f.condition == shot]
    pixels = [np.asarray(s.load(f[0])).astype(int) for s, f in ((here, mine), (there, same))]
    assert np.abs(pixels[0] - pixels[1]).mean() < 4  # but for the compression


def test_a_folder_with_another_set_is_refused(drawn: Path, assets_folder: Path) -> None:
    other = DrawRequest(identities=3, values={"pose": ("0", "45")}, size=40)
    with pytest.raises(DatasetError, match=r"another set \(size is 32, not 40\)"):
        list(draw(drawn, other, assets=assets_folder))


def test_no_worker_and_no_assets_are_errors(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--workers takes a number above 0, got 0"):
        list(draw(tmp_path, SMALL, workers=0))
    with pytest.raises(DatasetError, match="`mindseye studio assets`"):
        list(draw(tmp_path / "out", SMALL, assets=tmp_path))
    assert not (tmp_path / "out").exists()


def test_strengths_move_the_mouth_by_as_much_as_they_say(
    assets_folder: Path, tmp_path: Path
) -> None:
    values = {"jaw-open": ("0", "0.4", "0.8")}
    request = DrawRequest(identities=1, attributes=("jaw-open",), values=values, size=60)
    list(draw(tmp_path, request, assets=assets_folder))
    faces = read(f"studio:{tmp_path}", tmp_path)
    assert [face.condition for face in faces.faces] == [
        {"jaw-open": one} for one in values["jaw-open"]
    ]
    still, half, wide = (np.asarray(faces.load(face), dtype=int) for face in faces.faces)
    moved = [np.abs(one - still).mean(axis=(1, 2)) for one in (half, wide)]  # by row
    assert 3 * moved[0][:20].mean() < moved[0][36:54].mean()  # the mouth more than the forehead
    assert moved[0][36:54].mean() < moved[1][36:54].mean()
