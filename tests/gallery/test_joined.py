"""Several sets as one."""

from pathlib import Path

import pytest

from gallery.errors import ConfigError, ImageError
from gallery.faces import FaceSet
from gallery.joined import join
from gallery.readers.registry import open_faces
from tests.conftest import draw_face


def photographs(folder: Path, values: dict[str, str], attribute: str = "pose") -> FaceSet:
    """Photographs of one person each, NAME -> value."""
    folder.mkdir()
    lines = [f"path,identity,{attribute}"]
    for number, (name, value) in enumerate(values.items()):
        draw_face(number, 0, 0).save(folder / f"{name}.png")
        lines.append(f"{name}.png,{name},{value}")
    (folder / "labels.csv").write_text("\n".join(lines), "utf-8")
    return open_faces(f"folder:{folder}")


def test_one_set_stays_as_it_is(tmp_path: Path) -> None:
    one = photographs(tmp_path / "a", {"ann": "0", "bob": "45"})
    assert join([one]) is one


def test_images_of_all_sets_are_read_each_from_its_own(tmp_path: Path) -> None:
    first = photographs(tmp_path / "a", {"ann": "0", "bob": "45"})
    second = photographs(tmp_path / "b", {"cid": "-45", "ann": "0"})
    both = join([first, second])
    names = [face.name for face in both.faces]
    assert names[:2] == ["1/ann.png", "1/bob.png"]
    assert sorted(names[2:]) == ["2/ann.png", "2/cid.png"]
    assert both.identities == ("ann", "bob", "cid")  # ann is one person
    for face in both.faces:
        place, _, name = face.name.partition("/")
        assert both.read(face) == (tmp_path / "ab"[int(place) - 1] / name).read_bytes()
    assert len(both.of(["ann"])) == 2


def test_values_of_all_sets_are_known_and_equal_numbers_are_one(tmp_path: Path) -> None:
    first = photographs(tmp_path / "a", {"ann": "0", "bob": "45"})
    second = photographs(tmp_path / "b", {"cid": "-45", "dan": "45.0"})
    both = join([first, second])
    assert both.space["pose"].values == ("-45", "0", "45")
    assert [face.condition["pose"] for face in both.faces] == ["0", "45", "-45", "45"]


def test_other_attributes_stay_with_their_set(tmp_path: Path) -> None:
    first = photographs(tmp_path / "a", {"ann": "0", "bob": "45"})
    second = photographs(tmp_path / "b", {"cid": "happy", "dan": "sad"}, "mood")
    both = join([first, second])
    assert set(both.space.names) == {"pose", "mood"}
    assert len(both.labelled(["pose"])) == 2


def test_numbers_and_names_are_not_mixed(tmp_path: Path) -> None:
    first = photographs(tmp_path / "a", {"ann": "0", "bob": "45"})
    second = photographs(tmp_path / "b", {"cid": "left", "dan": "right"})
    with pytest.raises(ConfigError, match="another set"):
        join([first, second])


def test_a_file_that_is_gone_is_told(tmp_path: Path) -> None:
    both = join([photographs(tmp_path / x, {"ann": "0", "bob": "45"}) for x in "ab"])
    (tmp_path / "b" / "bob.png").unlink()
    with pytest.raises(ImageError):
        both.read(both.faces[-1])


def test_a_set_kept_for_testing_is_not_trained_on_beside_another(tmp_path: Path) -> None:
    import mindseye  # noqa: PLC0415, TID251  what users call

    photographs(tmp_path / "a", {"ann": "0", "bob": "45"})
    with pytest.raises(ConfigError, match="studio-mini is kept for testing"):
        mindseye.train(
            [f"folder:{tmp_path / 'a'}", "studio-mini"],
            architecture="mindseye-32",
            attributes=["pose"],
            out=tmp_path / "run",
        )
