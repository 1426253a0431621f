"""The command line: what it promises on stdout and stderr, and its exit status."""

import csv
import io
import json
import os
import re
import shutil
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import typer
from PIL import Image
from typer.testing import CliRunner

import cli  # noqa: TID251  its tests may
from gallery.align import Aligner
from gallery.errors import ConfigError
from gallery.finding import Sighting, points_of
from gallery.readers.registry import open_faces
from generator.card import Card
from generator.checkpoint import save_weights
from generator.packaging import packaged
from generator.registry import architecture
from generator.request import CPU, TrainRequest
from generator.run import Progress
from retrieval import demo
from retrieval.build import BuildProgress
from tests.commands import Mindseye, Ran, commands_in
from tests.retrieval.recognising import Colours

ROOT = Path(__file__).parents[1]


@pytest.fixture
def mindseye(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Mindseye:
    """Run a command in this process, in an empty folder."""
    return commands_in(tmp_path, monkeypatch, capsys)


def in_a_process(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )


# Help


def commands() -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = [()]

    def walk(group: Any, path: tuple[str, ...]) -> None:
        for name, command in group.commands.items():
            if hasattr(command, "commands"):
                walk(command, (*path, name))
            else:
                found.append((*path, name))

    walk(typer.main.get_command(cli.app), ())
    return found


def test_the_commands_are_those_that_were_promised() -> None:
    assert sorted(commands()) == [
        (),
        ("bench",),
        ("data", "find-faces"),
        ("data", "show"),
        ("demo",),
        ("index", "add"),
        ("index", "build"),
        ("index", "compact"),
        ("index", "export"),
        ("index", "import"),
        ("index", "remove"),
        ("index", "show"),
        ("index", "verify"),
        ("query",),
        ("studio", "assets"),
        ("studio", "draw"),
        ("train",),
        ("weights", "fit"),
        ("weights", "list"),
        ("weights", "show"),
    ]


QUICK_METHODS = ("ours", "ours-pixels", "two-step-true/pixels", "two-step-true/features")
OPTIONS = {
    "data show": "--sheet --json",
    "data find-faces": "--out --sheet --json",
    "train": "--architecture --attribute --recipe --out --config --steps --train-identities --seed"
    " --device --resume",
    "index build": "--weights --attribute --collection --split --kind --memory --accuracy"
    " --refine-best --score --resume --restore",
    "index add": "--collection --space --split --restore",
    "index remove": "--collection --identity --id --where --missing --dry-run --json",
    "index verify": "--collection --repair --json",
    "index compact": "--collection --json",
    "index export": "--collection",
    "index import": "--collection",
    "index show": "--collection --where --json",
    "query": "--wish --collection -k --space --weights --crop --sheet --where --min-score --json"
    " --explain",
    "bench": "--weights --out --protocol --methods --queries --seed --seeds --editing --compare"
    " --json",
    "demo": "--out --full",
    "weights fit": "--people --identities --queries --seed --protocol --json",
    "weights list": "--json",
    "weights show": "--sheet --faces --json",
    "studio assets": "--folder",
    "studio draw": "--identities --attributes --size --seed --workers --assets",
}


@pytest.mark.parametrize("command", commands(), ids=" ".join)
def test_every_help_holds_a_worked_example_and_the_promised_options(
    mindseye: Mindseye, command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    for option in ("--help", "-h"):
        ran = mindseye(*command, option)
        assert (ran.status, ran.err) == (0, "")
        assert f"  Example: mindseye {' '.join(command)}" in ran.out
        words = ran.out.split()
        for promised in OPTIONS.get(" ".join(command), "").split():
            assert promised in words, promised


def test_help_waits_for_nothing_heavy() -> None:
    code = """
import sys
sys.argv = ["mindseye", "--help"]
import cli
try:
    cli.main()
finally:
    heavy = {"torch", "sqlalchemy", "numpy", "PIL", "safetensors", "faiss"} & set(sys.modules)
    print("heavy:", sorted(heavy), file=sys.stderr)
"""
    done = in_a_process(code)
    assert (done.returncode, done.stderr) == (0, "heavy: []\n")
    assert done.stdout.startswith("Usage: mindseye")


def test_the_reference_names_every_command_and_option() -> None:
    reference = (ROOT / "docs" / "cli.md").read_text("utf-8")
    for command in commands():
        section = reference.partition(f"## {' '.join(('mindseye', *command))}\n")[2]
        section = section.partition("\n## ")[0]
        helped = CliRunner().invoke(cli.app, [*command, "--help"]).stdout
        options = re.findall(r"(?<!\S)--[a-z-]+", helped)
        assert "--help" in options
        missing = [option for option in options if option not in section]
        assert not missing, f"run scripts/cli_reference.py: {command} lacks {missing}"


def test_the_version_is_told(mindseye: Mindseye) -> None:
    ran = mindseye("--version")
    assert (ran.status, ran.err) == (0, "")
    assert ran.out.startswith("mindseye 0.")


# Looking at a collection of images


def test_a_collection_is_counted_for_people_and_for_programs(
    mindseye: Mindseye, faces_spec: str
) -> None:
    shown = mindseye("data", "show", faces_spec, "--json").json
    assert list(shown) == [
        *("spec", "images", "identities", "attributes", "unlabelled", "grid", "holes"),
        *("repeats", "problems"),
    ]
    assert (shown["images"], shown["grid"], shown["holes"]) == (30, 30, [])
    ran = mindseye("data", "show", faces_spec)
    assert (ran.status, ran.err) == (0, "")
    assert ran.out.splitlines() == [
        f"{faces_spec}: 30 images of 5 identities",
        "  pose: -45 10  0 10  45 10",
        "  light: left 15  right 15",
        "  identities: p1 6  p2 6  p3 6  p4 6  p5 6",
        "  0 holes in a grid of 30 cells",
    ]


def test_holes_repeats_and_bad_files_are_named(
    mindseye: Mindseye, faces_dir: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "faces"
    shutil.copytree(faces_dir, folder)
    (folder / "p2-45-right.png").unlink()
    (folder / "p1-0-left.png").write_bytes(b"no image")
    shutil.copy(folder / "p5-0-left.png", folder / "again.png")
    shutil.copy(folder / "p5-0-left.png", folder / "nobody.png")
    with (folder / "labels.csv").open("a", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("again.png", "p5", "0", "left"), ("nobody.png", "", "", "")])
    ran = mindseye("data", "show", f"folder:{folder}", "--check")
    assert ran.out.splitlines()[0] == f"folder:{folder}: 31 images of 5 identities"
    assert "  1 images without an identity" in ran.out
    assert "  1 holes in a grid of 30 cells\n    p2: pose=45 light=right\n" in ran.out
    assert "  1 images repeat a cell\n" in ran.out
    assert (
        "  left out: p2-45-right.png: named in labels.csv, but there is no such file\n" in ran.out
    )
    assert "  left out: p1-0-left.png: not an image of a known format" in ran.out
    unchecked = mindseye("data", "show", f"folder:{folder}", "--json").json
    assert [one["path"] for one in unchecked["problems"]] == ["p2-45-right.png"]


def test_a_contact_sheet_is_drawn(mindseye: Mindseye, faces_spec: str, tmp_path: Path) -> None:
    ran = mindseye("data", "show", faces_spec, "--sheet", "new/sheet.png", "--json")
    assert ran.json["images"] == 30
    assert ran.err == "Contact sheet: new/sheet.png\n"
    with Image.open(tmp_path / "new" / "sheet.png") as sheet:
        whole = sheet.size
    mindseye("data", "show", faces_spec, "--sheet", "cropped.png", "--crop", "0,0,0.5,0.5")
    with Image.open(tmp_path / "cropped.png") as cropped, Image.open("new/sheet.png") as sheet:
        assert cropped.size == whole
        assert np.asarray(cropped).tolist() != np.asarray(sheet).tolist()


# Training


def test_the_options_of_train_make_the_request(
    mindseye: Mindseye, faces_spec: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    seen: list[tuple[TrainRequest, bool]] = []

    def train(request: TrainRequest, *, resume: bool) -> Iterator[Progress]:
        seen.append((request, resume))
        yield Progress("stage 1", 1, 2, 0.5)

    monkeypatch.setattr("generator.run.train", train)
    (tmp_path / "c.toml").write_text("[train]\nbatch_size = 7\n")
    ran = mindseye(
        *("train", faces_spec, "--architecture", "two-stage-60", "--attribute", "light"),
        *("--attribute", "pose", "--recipe", "paper", "--out", "runs/x", "--config", "c.toml"),
        *("--steps", 3, "--train-identities", "0.6", "--seed", 5, "--device", "cpu", "--resume"),
        *("--crop", "1,2,30,30"),
    )
    assert (ran.status, ran.out) == (0, "Weights: runs/x\n")
    ((request, resume),) = seen
    assert resume
    assert (request.architecture, request.attributes) == ("two-stage-60", ("light", "pose"))
    assert (request.recipe.name, request.seed) == ("paper", 5)
    assert (request.recipe.train.steps, request.recipe.train.batch_size) == (3, 7)
    assert request.train_identities == ("p1", "p2", "p3")
    assert (request.out, str(request.crop)) == (Path("runs/x"), "1,2,30,30")
    mindseye(
        *("train", faces_spec, "--architecture", "two-stage-32", "--attribute", "pose"),
        *("--out", "runs/y", "--fold", "1/5"),
    )
    assert seen[1][0].train_identities == ("p2", "p3", "p4", "p5")
    assert (seen[1][0].recipe.name, seen[1][1]) == ("fast", False)


def test_a_stopped_training_says_how_to_go_on(
    mindseye: Mindseye, faces_spec: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def train(_request: TrainRequest, *, resume: bool) -> Iterator[Progress]:
        assert not resume
        yield Progress("reading", 1, 30)
        raise KeyboardInterrupt

    monkeypatch.setattr("generator.run.train", train)
    ran = mindseye(
        *("train", faces_spec, "--architecture", "two-stage-32", "--attribute", "pose"),
        *("--out", "runs/x"),
    )
    assert (ran.status, ran.out) == (130, "")
    assert "Stopped; what was finished is kept. Add --resume to the same command" in ran.err


# Building an index


def crafted_png(width: int, height: int) -> bytes:
    """Make a PNG whose header promises many pixels, and whose data hold none of them."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", check)

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    data = zlib.compress(bytes(1_000))
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    )


def photograph(seed: int) -> Image.Image:
    random = np.random.default_rng(seed)
    return Image.fromarray(random.integers(0, 256, (34, 40, 3), dtype=np.uint8))


@pytest.fixture
def holiday(tmp_path: Path) -> Path:
    """Fifty files: 44 good photographs, one of them rotated by EXIF; a duplicate; five bad ones."""
    folder = tmp_path / "holiday"
    folder.mkdir()
    for number in range(43):
        suffix = ("jpg", "png", "webp", "bmp")[number % 4]
        photograph(number).save(folder / f"photo {number}.{suffix}")
    rotated = Image.Exif()
    rotated[0x0112] = 6
    photograph(100).save(folder / "rotated.jpg", exif=rotated, quality=95)
    shutil.copy(folder / "photo 5.png", folder / "z duplicate.png")
    buffer = io.BytesIO()
    photograph(101).save(buffer, "JPEG")
    (folder / "truncated.jpg").write_bytes(buffer.getvalue()[: len(buffer.getvalue()) // 2])
    (folder / "empty.jpg").touch()
    (folder / "text.png").write_text("These are my notes.")
    (folder / "huge.png").write_bytes(crafted_png(20_000, 20_000))
    (folder / "link.jpg").symlink_to("rotated.jpg")
    assert len(list(folder.iterdir())) == 50
    return folder


def test_a_folder_of_50_files_good_and_bad_is_indexed(
    mindseye: Mindseye, holiday: Path, light_weights: Path
) -> None:
    ran = mindseye("index", "build", f"folder:{holiday}", "--weights", light_weights.parent)
    assert (ran.status, ran.out) == (
        0,
        "light-32: 44 images indexed, 0 known already, 1 duplicates, 5 files left out\n",
    )
    assert "Reasons: mindseye index show --collection mindseye-collection\n" in ran.err
    shown = mindseye("index", "show", "--json").json
    assert list(shown) == ["collection", "images", "unreadable_files", "duplicates", "spaces"]
    assert shown["duplicates"] == [
        {"path": str(holiday / "z duplicate.png"), "same_as": str(holiday / "photo 5.png")}
    ]
    (space,) = shown["spaces"]
    assert list(space) == [
        *("name", "weights_sha256", "architecture", "attributes", "score", "hypotheses"),
        "generation",
        *("published_at", "kind", "vectors", "dimension", "index", "strangers"),
        *("states", "skipped"),
    ]
    assert space["states"] == {"indexed": 44, "skipped": 3, "removed": 0, "pending": 0}
    reasons = {Path(one["path"]).name: one["reason"] for one in space["skipped"]}
    assert {name: reason[:17] for name, reason in reasons.items()} == {
        "truncated.jpg": "damaged or trunca",
        "empty.jpg": "empty file (0 byt",
        "text.png": "not an image of a",
        "huge.png": "400,000,000 pixel",
        "link.jpg": "not a regular fil",
    }
    for path in (one["path"] for one in space["skipped"]):
        assert Path(path).is_absolute()
    text = mindseye("index", "show").out
    for name, reason in reasons.items():
        assert f"  skipped {holiday / name}: {reason}\n" in text
    assert f"duplicate {holiday}/z duplicate.png: same as {holiday}/photo 5.png\n" in text

    answer = mindseye("query", holiday / "rotated.jpg", "--wish", "light=left", "-k", 60, "--json")
    found = [Path(hit["path"]).name for hit in answer.json["hits"]]
    good = {path.name for path in holiday.iterdir()} - reasons.keys() - {"z duplicate.png"}
    assert (set(found), len(found)) == (good, 44)


def test_a_photograph_rotated_by_exif_is_found_by_its_upright_twin(
    mindseye: Mindseye, holiday: Path, light_weights: Path, tmp_path: Path
) -> None:
    few = tmp_path / "few"
    few.mkdir()
    for name in ("rotated.jpg", "photo 1.png"):
        shutil.copy(holiday / name, few)
    mindseye("index", "build", f"folder:{few}", "--weights", light_weights)
    with Image.open(few / "rotated.jpg") as stored:
        stored.transpose(Image.Transpose.ROTATE_270).save(tmp_path / "upright.png")
    by_twin, by_itself = (
        mindseye("query", path, "--wish", "light=left", "--json").json["hits"]
        for path in (tmp_path / "upright.png", few / "rotated.jpg")
    )
    assert by_twin == by_itself


@pytest.mark.parametrize(
    ("split", "people"), [("train", {"p1", "p2", "p3"}), ("test", {"p4", "p5"})]
)
def test_a_split_takes_the_people_on_the_card_or_the_others(
    mindseye: Mindseye,
    faces_spec: str,
    pose_weights: Path,
    monkeypatch: pytest.MonkeyPatch,
    split: str,
    people: set[str],
) -> None:
    seen = []

    def build(_collection: Any, faces: Any, *_: Any, **__: Any) -> Iterator[BuildProgress]:
        seen.append(set(faces.identities))
        yield BuildProgress(0, 0, 0, 0, 0)

    monkeypatch.setattr("retrieval.build.build", build)
    mindseye("index", "build", faces_spec, "--weights", pose_weights, "--split", split)
    assert seen == [people]


def test_people_that_something_was_fitted_on_are_on_the_card_too(
    mindseye: Mindseye,
    faces_spec: str,
    make_fitted_weights: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen = []

    def build(_collection: Any, faces: Any, *_: Any, **__: Any) -> Iterator[BuildProgress]:
        seen.append(set(faces.identities))
        yield BuildProgress(0, 0, 0, 0, 0)

    monkeypatch.setattr("retrieval.build.build", build)
    weights = make_fitted_weights(fusion={"fitted_on": {"people": ["p3"]}})
    for split in ("train", "test"):
        mindseye("index", "build", faces_spec, "--weights", weights, "--split", split)
    assert seen == [{"p1", "p2", "p3"}, {"p4", "p5"}]


def test_a_stopped_build_says_how_to_go_on(
    mindseye: Mindseye, faces_spec: str, pose_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def build(*_: Any, **__: Any) -> Iterator[BuildProgress]:
        yield BuildProgress(1, 30, 1, 0, 0)
        raise KeyboardInterrupt

    monkeypatch.setattr("retrieval.build.build", build)
    ran = mindseye("index", "build", faces_spec, "--weights", pose_weights)
    assert (ran.status, ran.out) == (130, "")
    assert "Stopped; what was finished is kept. Run the same command again" in ran.err


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (OSError(28, "No space left on device"), "No space left on device. What was finished is"),
        (MemoryError(), "Out of memory. Say --device cpu"),
        (RuntimeError("CUDA out of memory. Tried"), "Out of memory. Say --device cpu"),
    ],
)
def test_a_machine_at_its_end_is_one_line_too(
    mindseye: Mindseye,
    faces_spec: str,
    pose_weights: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: BaseException,
    message: str,
) -> None:
    def build(*_: Any, **__: Any) -> Iterator[BuildProgress]:
        yield BuildProgress(1, 30, 1, 0, 0)
        raise error

    monkeypatch.setattr("retrieval.build.build", build)
    ran = mindseye("index", "build", faces_spec, "--weights", pose_weights)
    assert message in one_line_error(ran)


# Asking


def test_an_answer_in_json_has_exactly_the_promised_keys(
    mindseye: Mindseye, collection_dir: Path, faces_dir: Path
) -> None:
    ran = mindseye(
        *("query", faces_dir / "p4-0-left.png", "--wish", "pose=+45°", "-k", 4),
        *("--collection", collection_dir, "--json"),
    )
    assert ran.err == ""
    answer = ran.json
    assert sorted(answer) == ["drawn", "hits", "no_confidence", "space", "timings_ms", "wish"]
    assert answer["no_confidence"] is None
    assert (answer["space"], answer["wish"]) == ("pose-32", {"pose": "45"})
    assert sorted(answer["timings_ms"]) == ["draw", "embed", "search"]
    assert all(isinstance(time, float) for time in answer["timings_ms"].values())
    assert [hit["rank"] for hit in answer["hits"]] == [1, 2, 3, 4]
    for hit in answer["hits"]:
        assert sorted(hit) == [
            *("condition", "confidence", "estimate", "identity", "parts", "path", "rank", "score"),
        ]
        assert (hit["parts"], hit["confidence"]) == ({}, None)
        path = Path(hit["path"])
        assert path.parent == faces_dir
        values = (hit["identity"], hit["condition"]["pose"], hit["condition"]["light"])
        assert f"{'-'.join(values)}.png" == path.name
        assert hit["estimate"]["pose"] in ("-45", "0", "45")
    scores = [hit["score"] for hit in answer["hits"]]
    assert scores == sorted(scores, reverse=True)
    assert answer["drawn"].startswith("data:image/png;base64,")


def test_sheet_and_drawing_are_written_where_they_are_asked_for(
    mindseye: Mindseye, collection_dir: Path, faces_dir: Path, tmp_path: Path
) -> None:
    ran = mindseye(
        *("query", faces_dir / "p4-0-left.png", "--wish", "light=right", "-k", 3, "--json"),
        *("--collection", collection_dir, "--sheet", "s/found.png", "--drawn", "d/drawn.png"),
    )
    assert ran.json["drawn"] == "d/drawn.png"
    assert ran.err == "Sheet: s/found.png\n"
    with Image.open(tmp_path / "d" / "drawn.png") as drawn:
        assert (drawn.size, drawn.mode) == ((32, 32), "L")
    with Image.open(tmp_path / "s" / "found.png") as sheet:
        assert sheet.width == (2 + 3) * 124


def test_several_images_of_one_person_are_drawn_together(
    mindseye: Mindseye, faces_spec: str, faces_dir: Path, tmp_path: Path
) -> None:
    space = open_faces(faces_spec).space.only(("pose",))
    network = architecture("dr-gan").build(space.size, {"size": 16, "width": 8, "images": 3})
    network.initialise(torch.Generator().manual_seed(0))
    card = Card(
        name="together",
        architecture="dr-gan",
        network=network.config.settings(),
        space=space,
        aligner=Aligner(size=16, channels=3),
        mean=(110.0, 110.0, 110.0),
        deviation=(60.0, 60.0, 60.0),
    )
    save_weights(tmp_path / "together.safetensors", network, card)
    built = mindseye(
        *("index", "build", faces_spec, "--weights", tmp_path / "together.safetensors"),
        *("--collection", "together"),
    )
    assert built.status == 0
    images = [faces_dir / f"p1-{pose}-left.png" for pose in ("-45", "0", "45")]
    asked = ("--wish", "pose=45", "-k", 30, "--collection", "together", "--json")
    answer, alone = (mindseye("query", *some, *asked).json for some in (images, images[:1]))
    assert len(answer["hits"]) == len(alone["hits"]) == 30
    assert answer["drawn"] != alone["drawn"]
    others = mindseye("query", *images, *asked, "--exclude-source").json["hits"]
    assert len(others) == 27
    assert not {str(path) for path in images} & {hit["path"] for hit in others}
    missing = mindseye("query", images[0], "gone.jpg", *asked)
    assert "gone.jpg: cannot be read: No such file or directory" in one_line_error(missing)


def test_a_photograph_without_a_crop_is_warned_about_unless_the_gallery_knows_it(
    mindseye: Mindseye, collection_dir: Path, faces_dir: Path, holiday: Path
) -> None:
    def said(*arguments: object) -> str:
        ran = mindseye("query", *arguments, "--wish", "pose=45", "--collection", collection_dir)
        assert ran.status == 0
        return ran.err

    photo = holiday / "photo 1.png"
    assert f"Warning: {photo} is taken to show a face that fills it" in said(photo)
    assert "--crop X,Y,W,H" in said(photo)
    assert "Warning" not in said(photo, "--crop", "2,2,20,20")
    assert "Warning" not in said(faces_dir / "p1-0-left.png")


def test_an_answer_for_people_is_a_line_for_each_image(
    mindseye: Mindseye, collection_dir: Path, faces_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MINDSEYE_COLLECTION", str(collection_dir))
    ran = mindseye("query", faces_dir / "p4-0-left.png", "--wish", "pose=-45")
    assert (ran.status, ran.err) == (0, "")
    lines = ran.out.splitlines()
    assert lines[0] == "pose=-45  (space pose-32)"
    assert [line.split()[0] for line in lines[1:11]] == [str(rank) for rank in range(1, 11)]
    assert all(f"  {faces_dir}/p" in line for line in lines[1:11])
    assert lines[11].startswith("draw ")
    assert len(lines) == 12


def test_a_crop_and_a_space_can_be_chosen(
    mindseye: Mindseye, collection_dir: Path, faces_dir: Path
) -> None:
    def ask(*more: object) -> Any:
        image = faces_dir / "p4-0-left.png"
        ran = mindseye(
            *("query", image, "--wish", "pose=0", "--collection", collection_dir, "--json", *more)
        )
        return ran.json

    whole = ask()
    assert ask("--space", "pose-32", "--crop", "0,0,40,40")["hits"] == whole["hits"]
    assert ask("--crop", "10,0,20,20")["hits"] != whole["hits"]


# Finding faces


class Sees:
    """A detector that sees the same faces everywhere."""

    faces: tuple[Sighting, ...] = ()

    def look(self, image: Image.Image) -> tuple[Sighting, ...]:  # noqa: ARG002
        return self.faces


@pytest.fixture
def sees(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Let every photograph show some faces, to a detector in place of dlib's."""
    monkeypatch.setattr("gallery.dlib_detector.DlibDetector", Sees)

    def show(*faces: Sighting) -> None:
        monkeypatch.setattr(Sees, "faces", faces)

    return show


IN_THE_MIDDLE = Sighting((10, 8, 30, 28), (24, 14), (16, 14), (20, 21))
ASIDE = Sighting((20, 8, 32, 20), (30, 14), (22, 14), (26, 18))


def test_faces_are_found_and_used_from_then_on(
    mindseye: Mindseye, faces_dir: Path, tmp_path: Path, sees: Callable[..., None]
) -> None:
    album = Path(shutil.copytree(faces_dir, tmp_path / "album"))
    (album / "torn.png").write_bytes(b"no picture")
    (album / "labels.csv").unlink()
    spec = f"folder:{album}"
    mindseye("data", "show", spec, "--sheet", "before.png")
    sees(IN_THE_MIDDLE, ASIDE)
    ran = mindseye("data", "find-faces", spec, "--sheet", "found.png")
    assert ran.status == 0, ran.err
    assert ran.out.splitlines()[0] == (
        "30 faces found, 0 known already, 0 images without a face, 1 that cannot be read"
    )
    assert "  2 faces, the largest taken: p1-0-left.png" in ran.out
    assert f"Landmarks: {album / 'landmarks.csv'}" in ran.err
    assert "Sheet: found.png" in ran.err
    expected = points_of(IN_THE_MIDDLE).landmarks
    for face in open_faces(spec).faces:
        assert face.landmarks is None or face.landmarks.eyes == pytest.approx(expected.eyes)
    mindseye("data", "show", spec, "--sheet", "after.png")
    before, after = (np.asarray(Image.open(f"{name}.png")) for name in ("before", "after"))
    assert before.tolist() != after.tolist()
    told = mindseye("data", "find-faces", spec, "--json").json
    assert (told["known"], told["found"], told["out"]) == (30, 0, str(album / "landmarks.csv"))
    assert [problem["path"] for problem in told["problems"]] == ["torn.png"]


def test_where_no_face_is_found_nothing_is_said_to_be_written(
    mindseye: Mindseye, faces_dir: Path, tmp_path: Path, sees: Callable[..., None]
) -> None:
    album = Path(shutil.copytree(faces_dir, tmp_path / "album"))
    sees()
    ran = mindseye("data", "find-faces", f"folder:{album}", "--sheet", "found.png")
    assert ran.status == 0, ran.err
    assert ran.out.startswith("0 faces found, 0 known already, 30 images without a face")
    assert "Nothing written: no new face was found; mark faces by hand" in ran.err
    assert "landmarks.csv" not in ran.err
    assert not (album / "landmarks.csv").exists()


def test_a_query_can_look_for_the_face(
    mindseye: Mindseye,
    collection_dir: Path,
    holiday: Path,
    sees: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def ask(*more: object) -> Ran:
        return mindseye(
            *("query", holiday / "photo 1.png", "--wish", "pose=0", "--json"),
            *("--collection", collection_dir, *more),
        )

    sees(IN_THE_MIDDLE)
    found = ask("--crop", "face")
    assert found.err == ""
    square = Aligner(size=32, channels=1).crop_by(points_of(IN_THE_MIDDLE).landmarks)
    by_hand = ask("--crop", str(square))
    assert found.json["drawn"] == by_hand.json["drawn"]
    assert found.json["drawn"] != ask().json["drawn"]
    with monkeypatch.context() as changed:
        changed.setattr("retrieval.search.Searcher.cuts_by_own_crop", lambda _: True)
        told = ask("--crop", "face")
    assert "faces of this gallery are cut by the weights' own crop" in told.err
    assert told.json["hits"] == found.json["hits"]
    sees(IN_THE_MIDDLE, ASIDE)
    assert "photo 1.png: 2 faces; the largest is taken" in ask("--crop", "face").err
    sees()
    message = one_line_error(ask("--crop", "face"))
    assert "photo 1.png: no face was found. Say where the face is: --crop X,Y,W,H" in message


def test_without_the_extra_it_is_named(
    mindseye: Mindseye,
    collection_dir: Path,
    holiday: Path,
    faces_spec: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("gallery.packages.find_spec", lambda _: None)
    photo = holiday / "photo 1.png"
    asked = ("query", photo, "--wish", "pose=0", "--collection", collection_dir, "--crop", "face")
    for command in (asked, ("data", "find-faces", faces_spec)):
        assert "pip install 'mindseye[faces]'" in one_line_error(mindseye(*command))


def test_a_file_of_the_gallery_is_cut_by_its_landmarks_as_it_was_there(
    mindseye: Mindseye,
    faces_dir: Path,
    pose_weights: Path,
    tmp_path: Path,
    sees: Callable[..., None],
) -> None:
    album = Path(shutil.copytree(faces_dir, tmp_path / "album"))
    source, at = album / "p1-0-left.png", ("--collection", "landmarked")
    sees(IN_THE_MIDDLE)
    mindseye("data", "find-faces", f"folder:{album}")
    built = mindseye("index", "build", f"folder:{album}", "--weights", pose_weights, *at)
    assert built.status == 0, built.err
    square = Aligner(size=32, channels=1).crop_by(
        next(face.landmarks for face in open_faces(f"folder:{album}").faces if face.landmarks)
    )

    def drawn(path: Path, *more: object) -> Any:
        return mindseye("query", path, "--wish", "pose=0", "--json", *at, *more).json["drawn"]

    assert drawn(source) == drawn(source, "--crop", str(square))
    assert drawn(source) != drawn(source, "--crop", "0,0,40,40")
    shutil.copy(source, "elsewhere.png")
    assert drawn(Path("elsewhere.png")) == drawn(source, "--crop", "0,0,40,40")


# Measuring


def test_a_benchmark_prints_and_writes_the_same_numbers(
    mindseye: Mindseye, faces_spec: str, pose_weights: Path, tmp_path: Path
) -> None:
    asked = ("--queries", 20, "--seed", 3, "--cache", "cache")
    given = ("bench", faces_spec, "--weights", pose_weights, *asked)
    ran = mindseye(*given, "--out", "one")
    assert ran.status == 0, ran.err
    assert ran.out == (tmp_path / "one" / "table.md").read_text("utf-8") + "\n"
    assert "Written: one/report.html, one/table.md, one/results.json" in ran.err
    assert "<html" in (tmp_path / "one" / "report.html").read_text("utf-8")
    results = json.loads((tmp_path / "one" / "results.json").read_text("utf-8"))
    assert (results["gallery"], results["identities"], results["queries"]) == (
        12,
        2,
        {"C1": 20, "C2": 20},
    )
    names = [method["name"] for method in results["methods"]]
    assert names == [*QUICK_METHODS, "random"]
    again = mindseye(*given, "--out", "two", "--json").json
    for passing in ("seconds", "created", "command", "files"):
        again.pop(passing)
        results.pop(passing)
    for method in (*again["methods"], *results["methods"]):
        method.pop("build_s", None)
        method.pop("query_s", None)
    assert again == results
    compared = mindseye("bench", "--compare", "one/results.json", "two")
    assert compared.status == 0, compared.err
    assert "20 queries about 2 people, asked by both" in compared.out


def test_a_benchmark_without_weights_takes_packaged_ones(
    mindseye: Mindseye, faces_spec: str
) -> None:
    ran = mindseye("bench", faces_spec, "--out", "one", "--queries", 3, "--methods", "raw/pixels")
    assert ran.status == 0, ran
    assert "Weights: pose-mindseye-60 (packaged)" in ran.err


def test_a_benchmark_follows_its_protocol_and_options(
    mindseye: Mindseye, faces_spec: str, pose_weights: Path, tmp_path: Path
) -> None:
    (tmp_path / "mine.toml").write_text(
        '[split]\ntrain_identities = "4"\n[gallery]\nlight = ["left"]\n'
        "[queries]\ncount = 9\n[judging]\ncutoffs = [1, 2]\n"
    )
    where = ("--protocol", "mine.toml", "--out", "one", "--cache", "cache", "--json")
    given = ("bench", faces_spec, "--weights", pose_weights, *where)
    results = mindseye(*given, "--methods", "raw/pixels,raw/features*", "--queries", 5).json
    assert (results["gallery"], results["identities"]) == (3, 1)
    assert results["queries"] == {"C1": 5, "C2": 5}
    assert results["protocol"]["cutoffs"] == [1, 2]
    assert results["protocol"]["name"] == "mine"
    names = [method["name"] for method in results["methods"]]
    assert names == ["ours", "raw/pixels", "raw/features", "raw/features/no-source", "random"]


# Packaged weights


def test_what_ships_is_listed_and_shown(mindseye: Mindseye) -> None:
    listed = mindseye("weights", "list", "--json").json
    assert [one["name"] for one in listed] == [one.card.name for one in packaged()]
    table = mindseye("weights", "list")
    assert table.status == 0
    for one in listed:
        assert f"{one['name']} " in table.out
        shown = mindseye("weights", "show", one["name"])
        assert one["sha256"] in shown.out
        assert mindseye("weights", "show", one["name"], "--json").json == one


def test_weights_are_fitted_and_searches_are_fused_with_them(
    mindseye: Mindseye,
    make_fitted_weights: Callable[..., Path],
    faces_spec: str,
    faces_dir: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for module in ("scoring", "evaluation.fitting"):
        monkeypatch.setattr(f"retrieval.{module}.open_recogniser", Colours)
    weights = make_fitted_weights()
    fitted = ("weights", "fit", weights.parent, faces_spec, "--identities", 2, "--queries", 20)
    ran = mindseye(*fitted, "--json")
    assert ran.json["fusion"]["fitted_on"]["people"] == ["p3", "p4"]
    assert f"Card: {weights.with_suffix('.json')}. Spaces take it over" in ran.err
    assert "fitted on 2 people of folder:" in mindseye(*fitted).out
    shown = mindseye("weights", "show", weights.parent)
    assert f", fitted on 2 people of {faces_spec}\n" in shown.out
    told = mindseye("weights", "show", weights.parent, "--json").json
    assert told["fusion"]["fitted_on"]["people"] == 2

    built = mindseye("index", "build", faces_spec, "--weights", weights.parent)
    many = told["fusion"]["hypotheses"]["fused"]["chosen"]
    two = "" if many == "1" else f" with hypotheses {many}"
    assert f"Score: fused{two}, as fitted for fitted-32; --score drawing for less\n" in built.err
    (space,) = mindseye("index", "show", "--json").json["spaces"]
    assert space["hypotheses"] == many
    again = mindseye("index", "build", faces_spec, "--weights", weights.parent)
    assert (again.out, "Score" in again.err) == (
        "fitted-32: 0 images indexed, 30 known already, 0 files left out\n",
        False,
    )
    asked = ("query", faces_dir / "p5-0-left.png", "--wish", "pose=45", "-k", 3)
    ran = mindseye(*asked, "--explain", "why", "--json")
    for hit in ran.json["hits"]:
        assert sorted(hit["parts"]) == ["drawing", "identity", "log_p"]
        assert 0 < hit["confidence"] < 1
    assert ran.err == "Explained: why/sheet.png, why/explain.json\n"
    assert (tmp_path / "why" / "drawings" / "pose=-45.png").is_file()
    told = json.loads((tmp_path / "why" / "explain.json").read_text("utf-8"))
    assert [len(row["hits"]) for row in told["drawings"]] == [3, 3, 3]
    line = mindseye(*asked).out.splitlines()[1]
    assert re.match(r"  1  -?\d\.\d{3}  +\d+ %  p\d +light=", line)


def test_weights_that_do_not_fit_the_photographs_say_so(
    mindseye: Mindseye,
    make_fitted_weights: Callable[..., Path],
    faces_spec: str,
    faces_dir: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr("generator.usual.ENOUGH", 12)
    logistic = {"bias": 0.0, "slopes": [1.0, 1.0]}
    told = {"measures": ["drawing", "lead"], "first": logistic, "others": logistic}
    weights = make_fitted_weights(calibration={"drawing": told})
    ran = mindseye(
        *("weights", "fit", weights.parent, faces_spec, "--identities", 2),
        *("--redrawing-only", "--json"),
    )
    assert ran.json["calibration"] == {"drawing": told}
    assert ran.json["redrawing"]["measured_on"]["people"] == ["p3", "p4"]
    path = weights.with_suffix(".json")
    card = json.loads(path.read_text("utf-8"))
    card["redrawing"]["quantiles"] = dict.fromkeys(("0.5", "0.9", "0.99"), 0.5)
    path.write_text(json.dumps(card), "utf-8")
    built = mindseye("index", "build", faces_spec, "--weights", weights.parent)
    misfit = (
        "fitted-32 does not fit these photographs: 30 of 30 images (100 %) are redrawn with an"
        " error above 0.5, where 1 % is usual."
    )
    assert f"Warning: {misfit} Answers get no confidence;" in built.err
    assert misfit in mindseye("index", "show").out
    answer = mindseye("query", faces_dir / "p5-0-left.png", "--wish", "pose=45", "--json").json
    assert answer["no_confidence"].startswith(f"No confidence: {misfit}")
    assert {hit["confidence"] for hit in answer["hits"]} == {None}


def test_weights_draw_a_sheet_of_strangers(mindseye: Mindseye, tmp_path: Path) -> None:
    ran = mindseye("weights", "show", "pose-60", "--sheet", "drawn.png")
    assert (ran.status, ran.err) == (0, "Sheet: drawn.png\n")
    with Image.open(tmp_path / "drawn.png") as sheet:
        assert sheet.width >= 4 * 128


def test_a_gallery_without_labels_is_indexed_for_poses(mindseye: Mindseye, faces_dir: Path) -> None:
    photo = shutil.copy(faces_dir / "p1-0-left.png", "one.png")
    Path("photos").mkdir()
    shutil.copy(photo, "photos")
    built = mindseye("index", "build", "folder:photos", "--device", "cpu")
    assert built.status == 0, built
    assert "Weights: pose-mindseye-60 (packaged)" in built.err
    assert "pose-mindseye-60: 1 images indexed" in built.out
    answer = mindseye("query", photo, "--wish", "pose=30", "--device", "cpu", "--json").json
    assert answer["space"] == "pose-mindseye-60"
    assert len(answer["hits"]) == 1


def test_a_shortcut_is_part_of_the_space_and_still_answers(
    mindseye: Mindseye, faces_spec: str, pose_weights: Path, faces_dir: Path
) -> None:
    given = ("--weights", pose_weights, "--collection", "short")
    assert mindseye("index", "build", faces_spec, *given, "--refine-best", 2).status == 0
    contract = json.loads(Path("short/spaces/pose-32/contract.json").read_text("utf-8"))
    assert contract["canonicalisation"] == "reconstruction, best 2 refined"
    photo = faces_dir / "p1-0-left.png"
    ran = mindseye("query", photo, "--wish", "pose=45", "--collection", "short", "--json")
    assert len(ran.json["hits"]) == 10
    again = mindseye("index", "build", faces_spec, *given)
    assert "another contract: canonicalisation: reconstruction" in one_line_error(again)


# The demonstration


def test_the_demonstration_runs_to_its_end(
    mindseye: Mindseye, holiday: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a smaller part of the packaged gallery."""
    monkeypatch.setattr(demo, "PEOPLE", 2)
    monkeypatch.setattr(demo, "LIGHTS", ("17",))
    monkeypatch.setattr(demo, "WISHES", ("pose", "accessory"))
    for _ in range(2):  # and again: nothing is in the way
        ran = mindseye("demo", "--out", "demo", "--device", "cpu")
        assert ran.status == 0, ran.err
        steps = [line[:3] for line in ran.err.splitlines() if line[1:2] == "/"]
        assert steps == ["1/3", "2/3", "3/3"]
    gallery = demo.plan(Path(), CPU).faces
    assert f"1/3  Indexing {len(gallery)} images of 2 people" in ran.err
    table = ran.out.split("\n\n")[0].splitlines()
    wishes = [row.split("|")[2].strip().split("=")[0] for row in table[2:]]
    assert wishes == [w.card.space.names[0] for w in demo.plan(Path(), CPU).weights for _ in "12"]
    assert (tmp_path / "demo" / "answers.md").read_text("utf-8").splitlines() == table
    results = json.loads((tmp_path / "demo" / "benchmark" / "results.json").read_text("utf-8"))
    found = results["methods"][0]["scores"]["C2"]["R@1"]["value"]
    ours = next(line for line in ran.out.splitlines() if line.startswith("| `ours` |"))
    assert ours.split("|")[6].strip() == f"{100 * found:.1f}"
    with Image.open(tmp_path / "demo" / "answers.png") as sheet:
        assert sheet.width == 7 * 124
    for line in ran.out.split("Try next:\n")[1].strip().splitlines():
        words = line.replace("PHOTOS", str(holiday)).split()
        assert words[0] == "mindseye"
        assert mindseye(*words[1:]).status == 0, line


def test_the_whole_demonstration_takes_the_whole_gallery() -> None:
    assert len(demo.plan(Path("demo"), CPU, full=True).faces) == len(open_faces("studio-mini"))


# What users get wrong


def one_line_error(ran: Ran) -> str:
    assert ran.status == 1, ran
    assert ran.out == ""
    assert "Traceback" not in ran.err
    lines = ran.err.splitlines()
    assert len(lines) == 1, ran.err
    assert lines[0].startswith("Error: ")
    return lines[0].removeprefix("Error: ")


QUERY = "query {photo} --wish pose=45 --collection {collection}"
BUILD = "index build {spec} --weights {weights} --collection {new}"
MISTAKES = {
    "other weights": (
        f"{QUERY} --weights {{others}}",
        (
            "The space pose-32 was not made with the weights {others}/weights.safetensors: weights_"
            "… Leave out --weights, choose another --space, or index with these weights first"
        ),
    ),
    "weights of another space": (
        f"{QUERY} --weights {{light}} --space pose-32",
        "The space pose-32 was not made with … Leave out --weights, choose another --space, or",
    ),
    "unknown attribute": (
        "query {photo} --wish posee=45 --collection {collection}",
        "No space can draw posee=45. Each knows: … pose-32 (pose=-45|0|45)",
    ),
    "unknown attribute in a space": (
        "query {photo} --wish posee=45 --collection {collection} --space pose-32",
        "There is no attribute 'posee'; did you mean 'pose'? Known: pose",
    ),
    "unknown value": (
        "query {photo} --wish light=rihgt --collection {collection} --space light-32",
        "light has no value 'rihgt'; did you mean 'right'? Known: left, right. Wish like light=",
    ),
    "unknown value in the only space": (
        "query {photo} --wish light=rihgt --collection {only}",
        "Space light-32: light has no value 'rihgt'; did you mean 'right'? Known: left, right",
    ),
    "no wish": (
        "query {photo} --wish pose --collection {collection}",
        "A wish is NAME=VALUE, like pose=45; got 'pose'",
    ),
    "several images for weights that draw from one": (
        "query {photo} {photo} --wish pose=45 --collection {collection}",
        "The weights of space pose-32 draw from one image, got 2. Give one image, or index with",
    ),
    "unknown space": (
        f"{QUERY} --space pose",
        "There is no space 'pose'; did you mean 'pose-32'? Known: … pose-32",
    ),
    "missing file": (
        "query gone.jpg --wish pose=45 --collection {collection}",
        "gone.jpg: cannot be read: No such file or directory. Give a photograph, such as a JPEG",
    ),
    "a folder": (
        "query {folder} --wish pose=45 --collection {collection}",
        "{folder}: not a regular file. Give a photograph, such as a JPEG",
    ),
    "no image": (
        "query {text} --wish pose=45 --collection {collection}",
        "{text}: not an image of a known format (… Give a photograph, such as a JPEG",
    ),
    "missing collection": (
        "query {photo} --wish pose=45 --collection nowhere",
        "There is no collection in nowhere; make one with `mindseye index build SPEC --weights W",
    ),
    "missing collection to show": (
        "index show --collection nowhere --json",
        "There is no collection in nowhere; make one with `mindseye index build SPEC --weights W",
    ),
    "crop of three numbers": (
        f"{QUERY} --crop 1,2,3",
        "--crop takes X,Y,W,H in pixels (or shares up to 1), like 20,10,80,80; got '1,2,3'",
    ),
    "crop of no size": (
        f"{QUERY} --crop 1,2,0,3",
        "A crop's width and height must be above 0, got",
    ),
    "crop beside the image": (
        f"{QUERY} --crop 900,2,30,30",
        "{photo}: the face square (… does not fit the image of 40 x 40. Say where the face is: --c",
    ),
    "unknown device": (f"{QUERY} --device tpu", "--device takes auto, cpu or cuda, got 'tpu'"),
    "unknown picture format": (
        f"{QUERY} --sheet found.xyz",
        "Cannot write the picture found.xyz: … or name it like sheet.png",
    ),
    "unknown split": (
        f"{BUILD} --split tset",
        "--split cannot be 'tset'; did you mean 'test'? Known: all, train, test",
    ),
    "unknown score": (
        f"{BUILD} --score fuesd",
        "--score cannot be 'fuesd'; did you mean 'fused'? Known: drawing, drawing+values, fused",
    ),
    "unknown hypotheses": (
        f"{BUILD} --hypotheses 3",
        "Hypotheses are 1, 2, or like '2 within 1.5' (docs/fusion.md), not '3'",
    ),
    "second hypotheses and no score": (
        f"{BUILD} --hypotheses 2",
        "--hypotheses 2 does harm with --score drawing: without log p",
    ),
    "second hypotheses without log p": (
        f"{BUILD} --score drawing --hypotheses 2",
        "--hypotheses 2 does harm with --score drawing: without log p an image answers to a wrong",
    ),
    "a score without an estimator": (
        f"{BUILD} --score fused",
        "--score fused needs an attribute estimator, which the weights pose-32 lack; train with",
    ),
    "unknown people to fit on": (
        "weights fit {weights} {spec} --people both",
        "--people cannot be 'both'; Known: validation, unseen",
    ),
    "unknown kind": (
        f"{BUILD} --kind flta",
        "--kind cannot be 'flta'; did you mean 'flat'? Known: ex",
    ),
    "memory without a kind": (
        f"{BUILD} --memory 2GB",
        "--memory and --accuracy belong to a kind of index; add --kind auto",
    ),
    "no amount of memory": (
        f"{BUILD} --kind auto --memory lots",
        "'lots' is no amount of memory; write it like 2GB, 500MB or 1.5GiB",
    ),
    "impossible accuracy": (
        f"{BUILD} --kind auto --accuracy 1.5",
        "An accuracy lies above 0 and is at most 1, got 1.5",
    ),
    "unknown reader": (
        "index build foldr:{folder} --weights {weights} --collection {new}",
        "There is no reader 'foldr'; did you mean 'folder'? Known: cmu-faces, folder, multipie",
    ),
    "no reader": (
        "data show {folder}",
        "'{folder}' is not READER:PATH; for a folder of images write folder:{folder}",
    ),
    "missing folder": (
        "data show folder:{folder}/gone",
        "There is no folder {folder}/gone; check the path after the reader's name",
    ),
    "folder without weights": (
        "index build {spec} --weights {folder} --collection {new}",
        "{folder} holds no weights.safetensors; finish its training with `mindseye train",
    ),
    "missing weights": (
        "index build {spec} --weights nowhere --collection {new}",
        "There are no weights 'nowhere'; give the folder that `mindseye train --out` made, a .saf",
    ),
    "nothing to resume": (
        f"{BUILD} --resume",
        "There is no collection in {new}; make one with `mindseye index build SPEC --weights W",
    ),
    "same name, other weights": (
        "index build {spec} --weights {others} --collection {copied}",
        "The space pose-32 of {copied} was made under another contract: weights_sha256: … Use the",
    ),
    "benchmark of what no packaged weights draw": (
        "bench {spec} --attribute light --out results",
        "No packaged weights draw light in the values of these images (there are: … give --weigh",
    ),
    "benchmark of nothing": (
        "bench --weights {weights}",
        "A benchmark needs a SPEC and --out DIR; or compare two with --compare A.json B.json",
    ),
    "comparison with nothing": (
        "bench --compare nowhere.json nothing",
        "There is no nowhere.json; give a results.json or its folder",
    ),
    "benchmark by an unknown protocol": (
        "bench {spec} --weights {weights} --out results --protocol studio-minni",
        "There is no protocol file 'studio-minni'; give a .toml file or a shipped name. Did you",
    ),
    "benchmark of an unknown method": (
        "bench {spec} --weights {weights} --out results --methods our",
        "There is no method 'our'; did you mean 'ours'? Known: ours, ours-pixels, fused",
    ),
    "benchmark without labels": (
        "bench folder:{photos} --weights {weights} --out results",
        "folder:{photos} says nothing of 'pose', which pose-32 draws; it has: no labels",
    ),
    "benchmark of the same fold twice": (
        "bench {spec} --weights {weights} --weights {others} --out results",
        "Both pose-32 and pose-32 would be tested on p4; weights can be pooled if each left out",
    ),
    "training on the packaged gallery": (
        "train studio-mini --architecture two-stage-60 --attribute pose --out run",
        "studio-mini is kept for testing: nothing is trained on it. Draw a set to train on: mindse",
    ),
    "packaged weights that do not fit": (
        "index build {spec} --attribute hat --collection {new}",
        "No packaged weights draw hat in the values of these images (there are: … give --weights",
    ),
    "unknown packaged weights": (
        "weights show pose-61",
        "There are no weights 'pose-61'; give … or packaged weights: ",
    ),
    "a refined drawing too few": (
        f"{BUILD} --refine-best 0",
        "Invalid value for '--refine-best': … See `mindseye index build --help`",
    ),
    "another rule": (
        "index build {spec} --weights {weights} --collection {copied} --refine-best 2",
        "The space pose-32 of {copied} was made under another contract: canonicalisation: reconst",
    ),
    "unknown architecture": (
        "train {spec} --architecture two-stage-33 --attribute pose --out run",
        "There is no architecture 'two-stage-33'; did you mean 'two-stage-32'? Known: two-stage-60",
    ),
    "a wish forgotten": (
        "query {photo} --collection {collection}",
        "Missing option '--wish'. See `mindseye query --help`",
    ),
    "an option out of range": (
        "query {photo} --wish pose=0 -k 0 --collection {collection}",
        "Invalid value for '-k': … See `mindseye query --help`",
    ),
    "an unknown option": (
        "index show --collections {collection}",
        "No such option: --collections… See `mindseye index show --help`",
    ),
    "an unknown command": ("serch", "No such command 'serch'… See `mindseye --help`"),
    "a run that cannot name a space": (
        "train {spec} --architecture two-stage-32 --attribute pose --out my+run",
        "--out my+run names the weights 'my+run'; a name has only letters",
    ),
    "unknown attribute to train": (
        "train {spec} --architecture two-stage-32 --attribute pos --out run",
        "There is no attribute 'pos'; did you mean 'pose'? Known: pose, light",
    ),
}


@pytest.fixture(scope="module")
def places(
    tmp_path_factory: pytest.TempPathFactory,
    collection_dir: Path,
    faces_dir: Path,
    pose_weights: Path,
    light_weights: Path,
    make_weights: Callable[..., Path],
) -> dict[str, str]:
    """What the placeholders in MISTAKES stand for."""
    folder = tmp_path_factory.mktemp("places")
    (folder / "notes.png").write_text("These are my notes.")
    (folder / "photos").mkdir()
    shutil.copy(faces_dir / "p1-0-left.png", folder / "photos")
    shutil.copytree(collection_dir, folder / "copied")
    paths = {
        "photo": faces_dir / "p1-0-left.png",
        "collection": collection_dir,
        "spec": f"folder:{faces_dir}",
        "folder": folder,
        "photos": folder / "photos",
        "text": folder / "notes.png",
        "new": folder / "new",
        "copied": folder / "copied",
        "only": folder / "only",
        "weights": pose_weights.parent,
        "light": light_weights.parent,
        "others": make_weights("pose-32", seed=9).parent,
    }
    return {name: str(path) for name, path in paths.items()}


@pytest.fixture(scope="module")
def only_light(places: dict[str, str]) -> None:
    """A collection with one space, which has no images."""
    from generator.engine import Engine  # noqa: PLC0415
    from retrieval.build import build  # noqa: PLC0415
    from retrieval.collection import Collection  # noqa: PLC0415

    weights = Path(places["light"]) / "weights.safetensors"
    collection = Collection.open_or_create(Path(places["only"]))
    engine = Engine.open(weights, torch.device("cpu"))
    empty = open_faces(f"folder:{places['photos']}").of([])
    list(build(collection, empty, engine, weights))
    collection.close()


@pytest.mark.usefixtures("only_light")
@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_one_line_that_says_what_to_do(
    mindseye: Mindseye, places: dict[str, str], mistake: str
) -> None:
    command, expected = (text.format(**places) for text in MISTAKES[mistake])
    message = one_line_error(mindseye(*command.split()))
    for part in expected.split("…"):
        assert part.strip() in message
    assert message.startswith(expected.split("…")[0].strip())
    assert not Path(places["new"]).exists()


def test_a_space_without_images_says_so(
    mindseye: Mindseye, places: dict[str, str], only_light: None
) -> None:
    assert only_light is None
    ran = mindseye(
        *("query", places["photo"], "--wish", "light=left", "--collection", places["only"])
    )
    assert "holds no images. Add some, then build: mindseye index build" in one_line_error(ran)


def test_a_damaged_collection_is_one_line(mindseye: Mindseye, tmp_path: Path) -> None:
    (tmp_path / "mindseye-collection").mkdir()
    (tmp_path / "mindseye-collection" / "catalogue.db").write_bytes(b"no database" * 1_000)
    assert "file is not a database" in one_line_error(mindseye("index", "show"))


def test_a_second_build_is_told_of_the_first(
    mindseye: Mindseye, places: dict[str, str], pose_weights: Path
) -> None:
    from retrieval.collection import Collection  # noqa: PLC0415

    collection = Collection.open(Path(places["copied"]))
    with collection.writing():
        ran = mindseye(
            *("index", "build", places["spec"], "--weights", pose_weights),
            *("--collection", places["copied"]),
        )
    collection.close()
    assert f"is being written to by process {os.getpid()} on" in one_line_error(ran)


def test_a_mistake_looks_the_same_from_outside(collection_dir: Path, faces_dir: Path) -> None:
    done = in_a_process(
        "import cli; cli.main()",
        *("query", str(faces_dir / "p1-0-left.png"), "--wish", "light=rihgt"),
        *("--collection", str(collection_dir), "--space", "light-32"),
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "Error: light has no value 'rihgt'; did you mean 'right'? Known: left, right."
        " Wish like light=left\n"
    )


def test_a_message_of_several_lines_is_shown_in_one(
    mindseye: Mindseye, monkeypatch: pytest.MonkeyPatch, collection_dir: Path
) -> None:
    def describe(_collection: object) -> None:
        raise ConfigError("first\n  second\n\tthird")

    monkeypatch.setattr("retrieval.show.describe", describe)
    ran = mindseye("index", "show", "--collection", collection_dir)
    assert one_line_error(ran) == "first second third"
