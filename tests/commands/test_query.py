"""Asking: what an answer holds, for programs and for people."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from commands.query import split_given
from gallery.align import Aligner
from gallery.readers.registry import open_faces
from generator.card import Card
from generator.checkpoint import save_weights
from generator.networks.registry import architecture
from tests.retrieval.recognising import FUSION, tell_by_colours
from tests.running import Mindseye, one_line_error

OTHERS = ("missing", "no_confidence", "runtime", "space", "timings_ms", "wish", "wishes")


def test_an_answer_in_json_has_exactly_the_promised_keys(
    mindseye: Mindseye, collection_dir: Path, faces_dir: Path
) -> None:
    ran = mindseye(
        *("query", faces_dir / "p4-0-left.png", "--wish", "pose=+45°", "-k", 4),
        *("--collection", collection_dir, "--json"),
    )
    assert ran.err == ""
    answer = ran.json
    assert sorted(answer) == ["drawn", "hits", *OTHERS]
    assert (answer["no_confidence"], answer["missing"]) == (None, [])
    assert (answer["space"], answer["wish"]) == ("pose-32", {"pose": "45"})
    assert sorted(answer["timings_ms"]) == ["draw", "embed", "search"]
    assert all(isinstance(time, float) for time in answer["timings_ms"].values())
    assert [hit["rank"] for hit in answer["hits"]] == [1, 2, 3, 4]
    for hit in answer["hits"]:
        assert sorted(hit) == [
            *("condition", "confidence", "estimate", "id", "identity", "parts", "path", "rank"),
            "score",
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


def test_the_drawing_can_be_left_out_of_the_json(
    mindseye: Mindseye, collection_dir: Path, faces_dir: Path
) -> None:
    asked = ("query", faces_dir / "p4-0-left.png", "--wish", "pose=0", "--json", "--no-drawing")
    answer = mindseye(*asked, "--collection", collection_dir).json
    assert answer["drawn"] is None
    assert len(answer["hits"]) == 10
    saved = mindseye(*asked, "--collection", collection_dir, "--drawn", "d.png").json
    assert saved["drawn"] == "d.png"  # where it was saved is told all the same


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


def test_images_that_moved_away_are_told_of(
    mindseye: Mindseye, collection_dir: Path, faces_dir: Path, tmp_path: Path
) -> None:
    asked = shutil.copy(faces_dir / "p4-0-left.png", tmp_path / "asked.png")
    query = ("query", asked, "--wish", "pose=45", "-k", 3, "--collection", collection_dir)
    best, second, _ = mindseye(*query, "--json").json["hits"]
    away = [Path(hit["path"]) for hit in (best, second)]
    for path in away:
        path.rename(tmp_path / path.name)
    try:
        ran, told = mindseye(*query), mindseye(*query, "--json").json
        one = mindseye(*query, "-k", 1).err
    finally:
        for path in away:
            (tmp_path / path.name).rename(path)
    assert ran.status == 0
    assert ran.err == (
        "Warning: 2 of the 3 images found are no longer at their place; index the folder they"
        " moved to: mindseye index build SPEC\n"
    )
    assert told["missing"] == [str(path) for path in away]
    assert one.startswith("Warning: The image found is no longer at its place;")


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


def test_what_was_guessed_of_the_source_is_told(
    mindseye: Mindseye, collection_dir: Path, faces_dir: Path, tmp_path: Path
) -> None:
    with Image.open(faces_dir / "p4-0-left.png") as source:
        source.save(tmp_path / "odd.png", exif=b"Exif\0\0rubbish")
    ran = mindseye(
        *("query", tmp_path / "odd.png", "--wish", "pose=45", "--crop", "0,0,1,1"),
        *("--collection", collection_dir),
    )
    note = f"Note: {tmp_path / 'odd.png'}: its EXIF orientation cannot be read; taken to be upright"
    assert ran.err.splitlines() == [note]


def test_a_symbolic_link_given_by_hand_is_followed(
    mindseye: Mindseye, collection_dir: Path, faces_dir: Path, tmp_path: Path
) -> None:
    source, link = faces_dir / "p4-0-left.png", tmp_path / "link"
    link.symlink_to(source)
    asked = ("--wish", "pose=45", "--collection", collection_dir, "--exclude-source", "--json")
    by_link, by_name = (mindseye("query", path, *asked).json["hits"] for path in (link, source))
    assert by_link == by_name
    assert str(source) not in {hit["path"] for hit in by_link}
    (tmp_path / "broken").symlink_to("gone.png")
    (tmp_path / "loop").symlink_to("loop")
    for name, why in (("broken", "No such file or directory"), ("loop", "a symbolic link")):
        refused = mindseye("query", tmp_path / name, *asked)
        assert why in one_line_error(refused)


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


def test_a_copy_a_link_and_a_detour_to_the_source_leave_it_out_too(
    mindseye: Mindseye, collection_dir: Path, faces_dir: Path, tmp_path: Path
) -> None:
    source = faces_dir / "p4-0-left.png"
    (tmp_path / "linked").symlink_to(faces_dir)
    copy = Path(shutil.copy(source, tmp_path / "copy.png"))
    detour = faces_dir / ".." / faces_dir.name / source.name
    asked = ("--wish", "pose=0", "-k", 100, "--collection", collection_dir, "--exclude-source")
    plain = mindseye("query", source, *asked, "--json").json["hits"]
    assert len(plain) == 29
    for given in (copy, detour, tmp_path / "linked" / source.name):
        hits = mindseye("query", given, *asked, "--json").json["hits"]
        assert hits == plain, given
    found = mindseye("query", copy, *asked, "--explain", tmp_path / "why", "--json").json["hits"]
    assert found == plain
    told = json.loads((tmp_path / "why" / "explain.json").read_text("utf-8"))
    shown = {hit["path"] for row in told["drawings"] for hit in row["hits"]}
    assert len(shown) == 29
    assert str(source) not in shown
    both = mindseye("query", source, *asked, "--json", copy)
    assert both.status != 0  # these weights draw from one


def test_a_copy_of_a_file_of_the_gallery_is_cut_as_that_is(
    mindseye: Mindseye, faces_dir: Path, pose_weights: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(faces_dir, tmp_path / "faces"))
    columns = "path,left_eye_x,left_eye_y,right_eye_x,right_eye_y,chin_x,chin_y"
    (folder / "landmarks.csv").write_text(f"{columns}\np4-0-left.png,22,16,17,16,20,30\n")
    built = mindseye("index", "build", f"folder:{folder}", "--weights", pose_weights)
    assert built.status == 0
    shutil.copy(folder / "p4-0-left.png", tmp_path / "mine.png")
    asked = ("--wish", "pose=45", "--json")
    inside = mindseye("query", folder / "p4-0-left.png", *asked)
    outside = mindseye("query", "mine.png", *asked)
    assert "Warning" not in outside.err
    assert outside.json["hits"] == inside.json["hits"]
    assert outside.json["drawn"] == inside.json["drawn"]


def test_wishes_may_stand_behind_the_image_with_weights_and_not(
    mindseye: Mindseye,
    make_fitted_weights: Callable[..., Path],
    faces_spec: str,
    faces_dir: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tell_by_colours(monkeypatch)
    weights = make_fitted_weights("both-32", ("pose", "light"), fusion=FUSION)
    assert (
        mindseye("index", "build", faces_spec, "--weights", weights, "--score", "fused").status == 0
    )
    photo = faces_dir / "p1-0-left.png"
    ran = mindseye("query", photo, "pose=45 * 0.5", "not light=left", "-k", 2, "--json")
    assert ran.json["wish"] == {"pose": "45"}
    assert ran.json["wishes"] == ["pose=45 * 0.5", "not light=left"]
    for hit in ran.json["hits"]:
        assert list(hit["parts"]) == ["drawing", "log_p", "identity", "not"]
        assert list(hit["wishes"]) == ran.json["wishes"]
    same = mindseye(
        *("query", photo, "--wish", "not light=left", "--wish", "pose=45*.5", "-k", 2, "--json")
    )
    assert same.json["hits"] == ran.json["hits"]
    assert mindseye("query", photo, "pose=45 * 0.5").out.startswith(
        "pose=45 * 0.5  (space both-32)"
    )
    refused = mindseye("query", photo, "pose=45", "not pose=45")
    assert refused.err == "Error: pose=45 is wished for and excluded; leave out one\n"


def test_drawings_alone_take_no_weight_and_no_not(
    mindseye: Mindseye, collection_dir: Path, faces_dir: Path
) -> None:
    for odd in ("pose=45 * 2", "not pose=0"):
        asked = ("query", faces_dir / "p1-0-left.png", "pose=45" if "not" in odd else odd, odd)
        ran = mindseye(*dict.fromkeys(asked), "--collection", collection_dir)
        assert ran.status == 1
        assert f"{odd!r} asks for the part of the score that says how surely" in ran.err
        assert "the space pose-32 has none: it scores by drawings alone" in ran.err


def test_what_holds_an_equals_sign_is_an_image_where_there_is_such_a_file(
    mindseye: Mindseye, collection_dir: Path, faces_dir: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "a=b.png"
    copy.write_bytes((faces_dir / "p1-0-left.png").read_bytes())
    ran = mindseye("query", "a=b.png", "pose=45", "-k", 1, "--json", "--collection", collection_dir)
    assert ran.json["wish"] == {"pose": "45"}


def test_a_path_below_a_folder_is_an_image_though_its_name_holds_an_equals_sign() -> None:
    given = ["set/people/pose=-30,accessory=none", "pose=45", "not pose=0", "me.jpg"]
    images, wishes = split_given(given)
    assert images == ["set/people/pose=-30,accessory=none", "me.jpg"]
    assert wishes == ["pose=45", "not pose=0"]
