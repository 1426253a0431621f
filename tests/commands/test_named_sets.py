"""`data show` of the sets whose files are named by what they show: as they lie on a disk."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from tests.running import Mindseye


@dataclass(frozen=True, kw_only=True)
class Fixture:
    """A set in small.

    Attributes:
        images: Names of its images.
        missing: The one that is taken away, and what is said then.
        wrong: A file that does not belong to it.
        said: What `data show` says of it.
        licence: What is said of an empty folder.
        texts: Its other files, by name.
    """

    images: tuple[str, ...]
    missing: tuple[str, str]
    wrong: str
    said: tuple[str, ...]
    licence: str
    texts: Mapping[str, str] = field(default_factory=dict)


SETS = {
    "cas-peal": Fixture(
        images=tuple(
            f"FRONTAL/Accessory/{who}_IEU+00_PM+00_EN_A{accessory}_D0_T0_BB_M0_R1_S0.tif"
            for who in ("FY_000001", "MO_000002")
            for accessory in (0, 2, 4)
        ),
        missing=(
            "FRONTAL/Accessory/MO_000002_IEU+00_PM+00_EN_A4_D0_T0_BB_M0_R1_S0.tif",
            "000002: pose=0 tilt=level expression=neutral accessory=glasses-1",
        ),
        wrong="FRONTAL/Accessory/MO_000002_IEU+00_PM+00_EN_A4_D0_T0.tif",
        said=("6 images of 2 identities", "accessory: none 2  hat-2 2  glasses-1 2"),
        licence="The set is for research under a signed agreement; ask for it at http://www.jdl.ac",
        texts={"FRONTAL/Accessory/FaceFP_2.txt": "eyes"},
    ),
    "celeba": Fixture(
        images=tuple(f"Img/img_align_celeba/{number:06d}.jpg" for number in (1, 2, 3)),
        missing=("Img/img_align_celeba/000003.jpg", "000003.jpg: names no image"),
        wrong="Img/img_align_celeba/smile.jpg",
        said=(
            " images of 2 identities",
            "accessory: none 1  glasses 1",
            "partition: train 2",
            "young: no 1  yes",
        ),
        licence="The set is for research that is not commercial; it is found at https://mmlab.ie.cuhk",
        texts={
            "Anno/list_attr_celeba.txt": (
                "3\nEyeglasses Wearing_Hat Young\n"
                "000001.jpg -1 -1 1\n000002.jpg 1 -1 -1\n000003.jpg 1 1 1\n"
            ),
            "Anno/identity_CelebA.txt": "000001.jpg 9\n000002.jpg 8\n000003.jpg 8\n",
            "Eval/list_eval_partition.txt": "000001.jpg 0\n000002.jpg 0\n000003.jpg 2\n",
        },
    ),
    "cfee": Fixture(
        images=tuple(
            f"01-04/Images1/{number}_{who}_{who}7.jpg"
            for number in ("01", "02")
            for who in ("106", "207")
        ),
        missing=("01-04/Images1/02_207_2077.jpg", "207: expression=happy"),
        wrong="01-04/Images1/02_207.jpg",
        said=("4 images of 2 identities", "expression: neutral 2  happy 2"),
        licence="The set is handed out for research on request; ask for it at https://cbcsl.ece.oh",
        texts={"categories.csv": "number,name\n1,Neutral\n2,Happy\n"},
    ),
    "kdef": Fixture(
        images=tuple(
            f"KDEF/{who}/{who}{expression}{angle}.JPG"
            for who in ("AF01", "BM02")
            for expression in ("NE", "HA")
            for angle in ("S", "HL")
        ),
        missing=("KDEF/BM02/BM02HAHL.JPG", "M02: pose=45 expression=happy"),
        wrong="KDEF/AF01/holiday.JPG",
        said=("8 images of 2 identities", "pose: 0 4  45 4", "expression: happy 4  neutral 4"),
        licence="The set is for researchers and non-commercial use; ask for it at https://kdef.se",
    ),
    "rafd": Fixture(
        images=tuple(
            f"Rafd{camera}_{who}_{expression}_frontal.jpg"
            for camera in ("045", "090")
            for who in ("01_Caucasian_female", "33_Caucasian_male")
            for expression in ("happy", "fearful")
        ),
        missing=(
            "Rafd090_33_Caucasian_male_fearful_frontal.jpg",
            "33: pose=0 expression=afraid gaze=frontal",
        ),
        wrong="Rafd09_33_Caucasian_male_fearful_frontal.jpg",
        said=("8 images of 2 identities", "pose: -45 4  0 4", "expression: afraid 4  happy 4"),
        licence="The set is for research at accredited universities; ask for it at https://rafd.",
    ),
}


def laid_out(root: Path, fixture: Fixture) -> Path:
    """Draw a face for every name; write the other files."""
    root.mkdir()
    for number, name in enumerate(fixture.images):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        image = Image.new("RGB", (36, 48), (30, 40, 60 + number))
        ImageDraw.Draw(image).ellipse((8, 8, 28, 40), fill=(200, 160, 140))
        image.save(path)
    for name, text in fixture.texts.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


@pytest.mark.parametrize("reader", SETS)
def test_a_set_is_counted_decoded_and_drawn(
    reader: str, mindseye: Mindseye, tmp_path: Path
) -> None:
    fixture = SETS[reader]
    root = laid_out(tmp_path / "set", fixture)
    sheet = tmp_path / "sheet.png"
    shown = mindseye("data", "show", f"{reader}:{root}", "--check", "--sheet", sheet)
    assert shown.status == 0, shown.err
    for text in fixture.said:
        assert text in shown.out
    assert "left out" not in shown.out
    assert sheet.stat().st_size > 0


@pytest.mark.parametrize("reader", SETS)
def test_a_file_that_does_not_belong_to_it_is_told(
    reader: str, mindseye: Mindseye, tmp_path: Path
) -> None:
    root = laid_out(tmp_path / "set", SETS[reader])
    first = next(iter(SETS[reader].images))
    (root / SETS[reader].wrong).write_bytes((root / first).read_bytes())
    shown = mindseye("data", "show", f"{reader}:{root}")
    assert shown.status == 0, shown.err
    assert f"left out: {SETS[reader].wrong}: " in shown.out
    assert SETS[reader].said[0] in shown.out


@pytest.mark.parametrize("reader", SETS)
def test_a_missing_file_is_told(reader: str, mindseye: Mindseye, tmp_path: Path) -> None:
    root = laid_out(tmp_path / "set", SETS[reader])
    name, said = SETS[reader].missing
    assert said not in mindseye("data", "show", f"{reader}:{root}").out
    (root / name).unlink()
    assert said in mindseye("data", "show", f"{reader}:{root}").out


@pytest.mark.parametrize("reader", SETS)
def test_an_empty_folder_brings_the_licence_and_where_to_ask(
    reader: str, mindseye: Mindseye, tmp_path: Path
) -> None:
    shown = mindseye("data", "show", f"{reader}:{tmp_path}")
    assert (shown.status, shown.out) == (1, "")
    assert SETS[reader].licence in shown.err
    assert shown.err.count("\n") == 1
