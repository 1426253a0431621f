"""The life of a collection, as it is typed."""

import json
import shutil
from pathlib import Path
from unittest.mock import Mock

import pytest
import typer
from PIL import Image

from tests.running import Mindseye, one_line_error

QUERY = ("--wish", "pose=45", "--space", "pose-32", "-k", "3", "--json")


@pytest.fixture
def mine(collection_dir: Path, tmp_path: Path) -> Path:
    """A copy of the tiny collection."""
    return Path(shutil.copytree(collection_dir, tmp_path / "mine"))


def test_a_collection_lives(mindseye: Mindseye, mine: Path, faces_dir: Path) -> None:
    source, at = faces_dir / "p1-0-left.png", ("--collection", mine)

    def found(*more: object) -> list[str]:
        answer = mindseye("query", source, *QUERY, *at, *more).json
        return [hit["path"] for hit in answer["hits"]]

    first = found()
    assert len(first) == 3
    assert {Path(path).name[:2] for path in found("--where", "identity=p4")} == {"p4"}
    assert found("--min-score", "2") == []
    assert found("--where", "identity=nobody") == []

    would = mindseye("index", "remove", first[0], "--dry-run", *at)
    assert (would.status, would.out) == (0, "1 images would be removed\n")
    removed = mindseye("index", "remove", first[0], *at)
    assert removed.out == "1 images removed\n"
    assert "To take them from disk: mindseye index compact --collection " in removed.err
    assert first[0] not in found()
    assert mindseye("index", "remove", "--identity", "p5", "--json", *at).json["dry_run"] is False

    assert mindseye("index", "verify", *at).status == 0
    told = mindseye("index", "compact", "--json", *at).json
    assert (told["rows_dropped"], told["forgotten"]) == (14, 7)
    assert mindseye("index", "verify", "--json", *at).json == {
        "ok": True,
        "problems": [],
        "notes": [],
    }
    added = mindseye("index", "add", f"folder:{faces_dir}", *at)
    assert added.out.splitlines() == [
        f"{name}-32: 0 images indexed, 23 known already, 7 removed before, 0 files left out"
        for name in ("pose", "light")
    ] or added.out.splitlines() == [
        f"{name}-32: 0 images indexed, 23 known already, 7 removed before, 0 files left out"
        for name in ("light", "pose")
    ]
    assert "--restore takes it in again" in added.err
    back = mindseye("index", "add", f"folder:{faces_dir}", "--restore", "--space", "pose-32", *at)
    assert back.out.startswith("pose-32: 7 images indexed, 23 known already")
    assert found() == first


def test_a_collection_goes_elsewhere(mindseye: Mindseye, mine: Path, faces_dir: Path) -> None:
    source = faces_dir / "p1-0-left.png"
    before = mindseye("query", source, *QUERY, "--collection", mine).json["hits"]
    assert mindseye("index", "export", "mine.tar", "--collection", mine).out == (
        "Archive: mine.tar\n"
    )
    shutil.rmtree(mine)
    assert mindseye("index", "import", "mine.tar", "--collection", "other").out == (
        "Collection: other\n"
    )
    assert mindseye("query", source, *QUERY, "--collection", "other").json["hits"] == before


def test_damage_is_told_with_its_remedy_and_an_exit_status(mindseye: Mindseye, mine: Path) -> None:
    (mine / "spaces" / "pose-32" / "embeddings" / "000001.npy").unlink()
    ran = mindseye("index", "verify", "--collection", mine)
    assert ran.status == 1
    assert "problem: space pose-32: " in ran.out
    assert "000001.npy is missing; it held 30 images" in ran.out
    assert "do: mindseye index verify --repair, then index build of the SPEC" in ran.out
    ran = mindseye("index", "verify", "--repair", "--collection", mine)
    assert (ran.status, ran.err.splitlines()[-1]) == (
        0,
        "Repaired. 30 images wait to be built again",
    )
    assert mindseye("index", "verify", "--collection", mine).status == 0


def test_what_cannot_be_repaired_is_not_called_repaired(mindseye: Mindseye, mine: Path) -> None:
    card = mine / "spaces" / "pose-32" / "weights.json"
    card.unlink()
    ran = mindseye("index", "verify", "--repair", "--collection", mine)
    assert ran.status == 1
    assert "1 problems are left." in ran.err
    assert "Repaired" not in ran.err
    assert "  do: mindseye index build with the same weights; it puts them back" in ran.err


def test_images_are_listed_by_what_is_known_of_them(mindseye: Mindseye, mine: Path) -> None:
    ran = mindseye("index", "show", "--where", "pose=45 and light=left", "--collection", mine)
    assert [line.split()[1] for line in ran.out.splitlines()] == ["p1", "p2", "p3", "p4", "p5"]
    ran = mindseye("index", "show", "--where", "id=2", "--json", "--collection", mine)
    row = json.loads(ran.out)
    assert list(row) == ["id", "path", "identity", "condition", "estimate", "sha256"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("index", "remove"), "Error: Say which images: a PATH, --identity, --id, --where"),
        (("index", "remove", "--where", "pose=="), "Error: --where 'pose==': at '=' (character 6)"),
        (("index", "remove", "--identity", "bob"), "Error: No image of "),
        (("index", "show", "--where", "lihgt=left"), "did you mean 'light'?"),
        (("index", "add", "folder:nowhere"), "Error: There is no folder nowhere"),
        (("index", "add", "studio-mini", "--space", "pos-32"), "did you mean 'pose-32'?"),
        (
            ("query", "me.jpg", "--wish", "pose=45", "--min-score", "nan"),
            "--min-score is no number",
        ),
        (("index", "import", "none.tar"), "exists and is not empty; import into a new folder"),
    ],
)
def test_a_mistake_is_one_line(
    mindseye: Mindseye, mine: Path, arguments: tuple[str, ...], message: str
) -> None:
    ran = mindseye(*arguments, "--collection", mine)
    assert (ran.status, ran.out) == (1, "")
    assert message in ran.err
    assert ran.err.count("\n") == 1


@pytest.fixture
def unmounted(mindseye: Mindseye, mine: Path, tmp_path: Path) -> Path:
    """A disk that is not mounted: an image was added from there, and the folder is empty."""
    disk = tmp_path / "disk"
    disk.mkdir()
    Image.new("RGB", (40, 40), "red").save(disk / "red.png")
    assert mindseye("index", "add", f"folder:{disk}", "--collection", mine).status == 0
    (disk / "red.png").unlink()
    return disk


def test_a_missing_folder_is_asked_about(
    mindseye: Mindseye, mine: Path, unmounted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = ("index", "remove", "--missing", "--collection", mine)
    said = f"Not one known file is left in {unmounted} (1 known); was a folder moved, or a"
    assert one_line_error(mindseye(*missing)).startswith(said)
    dry = mindseye(*missing, "--dry-run")
    assert (dry.out, "Warning: Not one known file" in dry.err) == ("1 images would be removed\n", 1)

    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    for answer in (False, typer.Abort()):
        monkeypatch.setattr("typer.confirm", Mock(side_effect=[answer]))
        ran = mindseye(*missing)
        assert (ran.status, ran.err.splitlines()[-1]) == (1, "Error: Nothing was removed")
    monkeypatch.setattr("typer.confirm", Mock(return_value=True))
    assert mindseye(*missing).out == "1 images removed\n"


def test_yes_answers_beforehand(mindseye: Mindseye, mine: Path, unmounted: Path) -> None:
    assert not list(unmounted.iterdir())
    ran = mindseye("index", "remove", "--missing", "--yes", "--collection", mine)
    assert ran.out == "1 images removed\n"


@pytest.mark.parametrize(
    ("archive", "message"),
    [
        (".", ". is a folder; name a file to write, like my-faces.tar"),
        ("/", "/ is a folder; name a file to write, like my-faces.tar"),
        ("..", ".. is a folder; name a file to write, like my-faces.tar"),
        ("none/mine.tar", "There is no folder none to write mine.tar in; make it"),
    ],
)
def test_an_archive_is_a_file(mindseye: Mindseye, mine: Path, archive: str, message: str) -> None:
    assert one_line_error(mindseye("index", "export", archive, "--collection", mine)) == message
    if message.startswith(f"{archive} is a folder"):
        said = one_line_error(mindseye("index", "import", archive, "--collection", mine / "new"))
        assert said == f"{archive} is a folder; name the file that index export wrote"
        assert not (mine / "new").exists()


def test_an_empty_path_is_not_the_whole_folder(mindseye: Mindseye, mine: Path) -> None:
    said = one_line_error(mindseye("index", "remove", "", "--collection", mine))
    assert said.startswith('A PATH is empty ("" on the command line); say . for the folder')


def test_a_filter_longer_than_a_command_line_stands_in_a_file(
    mindseye: Mindseye, mine: Path, faces_dir: Path
) -> None:
    at = ("--collection", mine)
    listed = ",".join(f"/no/{number}.png" for number in range(100_000))
    Path("filter").write_text(f'path in ({listed},"{faces_dir}/p1-0-left.png")', "utf-8")
    (line,) = mindseye("index", "show", "--where", "@filter", *at).out.splitlines()
    assert line.endswith("p1-0-left.png")
    query = ("query", faces_dir / "p2-0-left.png", "--wish", "pose=0", "--where", "@filter", *at)
    assert len(mindseye(*query, "--json").json["hits"]) == 1
    assert mindseye("index", "remove", "--where", "@filter", *at).out == "1 images removed\n"
    Path("bytes").write_bytes(b"identity=\xe9")
    for name in ("none", "bytes"):
        said = one_line_error(mindseye("index", "show", "--where", f"@{name}", *at))
        assert said.startswith(f"--where: '{name}' cannot be read as UTF-8: ")


def test_show_says_whose_estimates_it_lists_where_several_spaces_have_them(
    mindseye: Mindseye, mine: Path
) -> None:
    show, at = ("index", "show", "--where"), ("--collection", mine)
    said = "Estimates and states are those of light-32, published last; or say --space"
    assert said in mindseye(*show, "state=indexed", *at).err
    assert said not in mindseye(*show, "pose=45", *at).err
    assert said not in mindseye(*show, "state=indexed", "--space", "pose-32", *at).err
