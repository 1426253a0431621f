import base64
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageColor, ImageDraw, ImageFont

from gallery.errors import DatasetError
from gallery.sheets import GREEN, RED, Tile, data_uri, save, sheet, to_image

GRAY = np.full((10, 10), 128, np.uint8)


def colours(picture: Image.Image) -> set[tuple[int, ...]]:
    return set(map(tuple, np.asarray(picture).reshape(-1, 3).tolist()))


def rgb(name: str) -> tuple[int, ...]:
    return ImageColor.getrgb(name)


def test_a_sheet_grows_with_its_tiles() -> None:
    one = sheet([[Tile(GRAY)]], tile_px=40)
    wide = sheet([[Tile(GRAY)] * 3], tile_px=40)
    tall = sheet([[Tile(GRAY)], [Tile(GRAY)]], tile_px=40)
    assert wide.size == (3 * one.width, one.height)
    assert tall.size == (one.width, 2 * one.height)


def test_captions_and_a_title_take_room() -> None:
    bare = sheet([[Tile(GRAY)]], tile_px=40)
    one = sheet([[Tile(GRAY, "a")]], tile_px=40)
    two = sheet([[Tile(GRAY, "a\nb"), Tile(GRAY)]], tile_px=40)
    assert bare.height < one.height < two.height
    titled = sheet([[Tile(GRAY)]], tile_px=40, title="a title that is wider than a single tile")
    assert titled.height > bare.height
    assert titled.width > bare.width
    assert min(np.asarray(titled)[:20].ravel()) < 100  # something is written there


def test_a_frame_surrounds_its_tile_and_no_other() -> None:
    picture = sheet([[Tile(GRAY, frame=GREEN), Tile(GRAY), Tile(GRAY, frame=RED)]], tile_px=40)
    cell = picture.width // 3
    cells = [picture.crop((x * cell, 0, (x + 1) * cell, picture.height)) for x in range(3)]
    assert rgb(GREEN) in colours(cells[0])
    assert {rgb(GREEN), rgb(RED)}.isdisjoint(colours(cells[1]))
    assert rgb(RED) in colours(cells[2])
    assert cells[0].getpixel((cell // 2, 3)) == rgb(GREEN)
    assert cells[0].getpixel((cell // 2, cell // 2)) == (128, 128, 128)


def test_an_empty_tile_leaves_its_place_white() -> None:
    picture = sheet([[Tile(None), Tile(GRAY)]], tile_px=40)
    left = picture.crop((0, 0, picture.width // 2, picture.height))
    assert colours(left) == {(255, 255, 255)}


def test_an_image_keeps_its_proportions() -> None:
    picture = np.asarray(sheet([[Tile(np.zeros((10, 40), np.uint8))]], tile_px=40))
    black = (picture == 0).all(axis=2)
    assert black.any(axis=0).sum() == 40
    assert black.any(axis=1).sum() == 10


def test_rows_may_differ_in_length_and_be_empty() -> None:
    picture = sheet([[Tile(GRAY)], [], [Tile(GRAY)] * 2], tile_px=40)
    assert picture.size == sheet([[Tile(GRAY)] * 2] * 3, tile_px=40).size


def test_long_captions_are_cut_to_their_cell() -> None:
    picture = sheet([[Tile(None, "W" * 200), Tile(None)]], tile_px=40)
    right = picture.crop((picture.width // 2, 0, picture.width, picture.height))
    assert colours(right) == {(255, 255, 255)}
    assert len(colours(picture)) > 1


def test_any_caption_can_be_drawn() -> None:
    picture = sheet([[Tile(GRAY, "Zoë 😀 \udcff 顔"), Tile(GRAY, "pose=45°\n−15")]])  # noqa: RUF001
    assert picture.mode == "RGB"


def test_a_sheet_stays_small_under_an_endless_caption() -> None:
    usual = sheet([[Tile(GRAY, "a\nb")]], tile_px=40)
    many_lines = sheet([[Tile(GRAY, "\n" * 30_000)]], tile_px=40)
    one_line = sheet([[Tile(GRAY, "W" * 300_000)]], tile_px=40, title="W" * 300_000)
    assert many_lines.height < 5 * usual.height
    assert many_lines.width == usual.width
    assert one_line.width < 2500


@pytest.mark.parametrize("caption", ["a\x1b[2Jb\tc", "caf\udce9.png", "\u202egnp.exe"])
def test_letters_that_are_not_seen_are_drawn_escaped(caption: str) -> None:
    escaped = caption.encode("unicode_escape").decode().replace("\\udce9", "\\xe9")
    assert sheet([[Tile(GRAY, caption)]]) == sheet([[Tile(GRAY, escaped)]])


@pytest.mark.parametrize("rows", [[], [[]], [[], []]])
def test_a_sheet_needs_a_tile(rows: list[list[Tile]]) -> None:
    with pytest.raises(ValueError, match="a sheet needs at least one tile"):
        sheet(rows)


@pytest.mark.parametrize("shape", [(4, 6), (4, 6, 1), (4, 6, 3)])
def test_pixels_of_any_form_become_an_image(shape: tuple[int, ...]) -> None:
    image = to_image(np.full(shape, 7, np.uint8))
    assert image.size == (6, 4)
    assert image.mode == ("RGB" if shape[2:] == (3,) else "L")


def test_drawn_pixels_are_rounded_and_clipped() -> None:
    drawn = np.array([[-20.0, 0.4, 0.6, 254.7, 300.0]])
    assert np.asarray(to_image(drawn)).tolist() == [[0, 0, 1, 255, 255]]


def test_a_picture_is_written_where_asked(tmp_path: Path) -> None:
    picture = sheet([[Tile(GRAY)]])
    save(picture, tmp_path / "new" / "folder" / "sheet.png")
    with Image.open(tmp_path / "new" / "folder" / "sheet.png") as read:
        assert np.array_equal(np.asarray(read), np.asarray(picture))


def test_a_picture_fits_into_a_uri() -> None:
    picture = sheet([[Tile(GRAY)]])
    head, _, content = data_uri(picture).partition(",")
    assert head == "data:image/png;base64"
    with Image.open(io.BytesIO(base64.b64decode(content, validate=True))) as read:
        assert read.format == "PNG"
        assert np.array_equal(np.asarray(read), np.asarray(picture))


def test_a_picture_that_cannot_be_written_leaves_the_older_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "sheet.png"
    save(sheet([[Tile(GRAY)]]), path)
    before = path.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(DatasetError, match="Cannot write the picture .*No space left"):
        save(sheet([[Tile(GRAY)] * 5]), path)
    assert path.read_bytes() == before
    assert [one.name for one in tmp_path.iterdir()] == ["sheet.png"]


@pytest.mark.parametrize("name", ["sheet.xyz", "sheet", "sheet.psd"])
def test_an_unknown_kind_of_picture_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"Cannot write the picture .*name it like sheet\.png"):
        save(sheet([[Tile(GRAY)]]), tmp_path / name)
    assert not (tmp_path / name).exists()


def test_a_place_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DatasetError, match="Cannot write the picture"):
        save(sheet([[Tile(GRAY)]]), tmp_path / "file" / "sheet.png")


def caption_of(text: str, title: str = "") -> Image.Image:
    return sheet([[Tile(None, text)]], tile_px=200, title=title)


def test_names_are_readable_whatever_letters_the_font_lacks() -> None:
    """Pillow's own font has no é: it would draw a box."""
    assert caption_of("Zoë Núñez") == caption_of("Zoe Nunez")
    assert caption_of("Groß, Søren") == caption_of("Gross, Soren")
    assert caption_of("顔.png") == caption_of("\\u9854.png")
    assert caption_of("a", "Zoë 顔") == caption_of("a", "Zoe \\u9854")
    assert caption_of("… ±1°") != caption_of("\\u2026 \\xb11\\xb0")  # it has these


@pytest.mark.parametrize("letter", "éëüñøßçåæœłžΔж顔😀\u2013\u00d7“")
def test_no_letter_is_drawn_as_a_box(letter: str) -> None:
    drawn = caption_of(letter)
    box = Image.new("RGB", drawn.size, "white")
    font = ImageFont.load_default(size=11)
    ImageDraw.Draw(box).text((3, 212), "\ufffe", fill="black", font=font)
    assert colours(drawn) != {(255, 255, 255)}
    assert drawn != box
    assert caption_of("x") != box
