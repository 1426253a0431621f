"""Protocol files: what they say is what is done; what they misspell is refused."""

from pathlib import Path

import pytest

from gallery.attributes import Condition
from gallery.errors import ConfigError
from gallery.readers.registry import open_faces
from retrieval.evaluation.methods.registry import choose_methods
from retrieval.evaluation.protocol.files import find_protocol, read_protocol, shipped_protocols
from retrieval.evaluation.protocol.protocol import Protocol
from retrieval.evaluation.protocol.query_table import restrict

FULL = """
name = "mine"
methods = ["ours*", "raw/*"]
[split]
train_identities = "0.7"
[gallery]
accessory = ["none"]
age = [""]
[sources]
occlusion = ["block", "eyes"]
[names.pose]
left = "-45"
[queries]
attributes = ["pose"]
count = 50
seed = 3
[judging]
criteria = ["C2"]
cutoffs = [1, 10]
exclude_source = true
[subsets."neutral illumination"]
illumination = "7"
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "some.toml"
    path.write_text(text, "utf-8")
    return path


def test_a_file_says_everything(tmp_path: Path) -> None:
    assert read_protocol(written(tmp_path, FULL)) == Protocol(
        name="mine",
        methods=("ours*", "raw/*"),
        train_identities="0.7",
        gallery={"accessory": ("none",), "age": ("",)},
        sources={"occlusion": ("block", "eyes")},
        names={"pose": {"left": "-45"}},
        attributes=("pose",),
        wishes=1,
        queries=50,
        seed=3,
        criteria=("C2",),
        cutoffs=(1, 10),
        exclude_source=True,
        subsets={"neutral illumination": Condition(illumination="7")},
    )


def test_an_empty_file_is_the_defaults_under_its_own_name(tmp_path: Path) -> None:
    assert read_protocol(written(tmp_path, "")) == Protocol(name="some")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("method = ['ours']", "unknown key 'method'; did you mean 'methods'"),
        ("[quieries]\ncount = 3", "unknown key 'quieries'; did you mean 'queries'"),
        ("[names.pose]\nleft = -45", r"some\.toml: names\.pose\.left must be a text, got -45"),
        ("[names]\npose = 'left'", r"some\.toml: names\.pose must name values"),
        ("[queries]\ncuont = 3", r"some\.toml: queries unknown key 'cuont'; did you mean 'count'"),
        ("[queries]\ncount = true", "queries.count must be a whole number, got True"),
        ("[queries]\nwishes = [1, 2]", r"queries.wishes must be a whole number, got \[1, 2\]"),
        ("[queries]\ncount = 0", "number of queries must be at least 1, got 0"),
        ("[judging]\ncutoffs = [5, 1]", r"Cut-offs must rise from at least 1, got \[5, 1\]"),
        ("[judging]\ncutoffs = 5", "judging.cutoffs must be a list of whole numbers, got 5"),
        ("[judging]\ncriteria = ['C3']", "no criterion 'C3'; Known: C1, C2"),
        ("[judging]\nexclude_source = 1", "judging.exclude_source must be true or false, got 1"),
        ("[gallery]\npose = '45'", "gallery.pose must be a list of texts, got '45'"),
        ("[subsets.dark]\nlight = 3", "subsets.dark.light must be a text, got 3"),
        ("split = 3", "unknown key 'split'"),
        ("name = 'a", "Cannot read the protocol"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        read_protocol(written(tmp_path, text))


def test_a_protocol_is_found_by_file_by_name_or_by_the_collection(tmp_path: Path) -> None:
    path = written(tmp_path, FULL)
    assert find_protocol(str(path), "studio-mini").name == "mine"
    assert find_protocol("cmu-faces", "folder:x").name == "cmu-faces"
    assert find_protocol(None, "studio-mini").name == "studio-mini"
    assert find_protocol(None, "folder:x") == Protocol()
    with pytest.raises(ConfigError, match="no protocol file 'cmu-face'.*Did you mean 'cmu-faces'"):
        find_protocol("cmu-face", "folder:x")


def test_a_folder_may_be_named_like_a_shipped_protocol(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "studio-249").mkdir()  # as `mindseye studio draw studio-249` leaves it
    assert find_protocol("studio-249", "studio:studio-249").name == "studio-249"


def test_the_shipped_protocols_name_methods_that_there_are() -> None:
    editors = {"studio-expressions", "studio-sunglasses", "studio-ages"}
    others = {"cmu-faces", "cmu-few", "cmu-pose", "studio-249", "studio-mini", "studio-wide"}
    inpainting = {"inpainting", "inpainting-mini"}
    assert set(shipped_protocols()) == editors | others | inpainting
    for path in shipped_protocols().values():
        assert choose_methods(read_protocol(path).methods)


def test_a_shipped_protocol_wishes_for_two_attributes_at_once() -> None:
    wide = find_protocol("studio-wide", "studio:studio-wide")
    assert (wide.wishes, wide.attributes) == (2, ("pose", "illumination"))


def test_the_packaged_gallery_has_what_inpainting_asks_for() -> None:
    faces, protocol = open_faces("studio-mini"), find_protocol("inpainting-mini", "studio-mini")
    asked, kept = (restrict(faces, allowed) for allowed in (protocol.sources, protocol.gallery))
    assert len(set(asked) & set(kept)) == len(asked) == 24 * 2
    assert len(set(kept) - set(asked)) == 24 * 7 * 8


def test_the_packaged_gallery_has_what_its_protocol_asks_for() -> None:
    faces = open_faces("studio-mini")
    kept = restrict(faces, find_protocol(None, "studio-mini").gallery)
    assert len(kept) == 24 * 7 * 8
    assert {name for face in kept for name in face.condition} == set(faces.space.names) - {"age"}
