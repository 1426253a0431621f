"""Draw the sheets of docs/studio: python -m experiments.studio_sheets.sheets [FOLDER]."""

import sys
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from gallery.sheets import Tile, sheet
from gallery.studio import assets
from gallery.studio.attributes import ACCESSORIES, AGES_YEARS, EXPRESSIONS, OCCLUSIONS, YAWS_DEG
from gallery.studio.identity import sample_identity
from gallery.studio.lights import LIGHTS
from gallery.studio.occlusion import occlude
from gallery.studio.render import Appearance, Pixels, Studio

SEED = 0
FRONTAL = 17  # the flash above the frontal camera
PEOPLE = range(100, 106)
SIZE = 60


def main() -> None:
    """Draw all sheets."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path("docs/studio")
    folder.mkdir(parents=True, exist_ok=True)
    studio = Studio(assets.require(), SIZE)
    large = Studio(assets.require(), 144)
    save(folder / "identities.png", people(studio), "100 people, number 0 to 99 of seed 0", 72)
    save(folder / "yaw.png", yaw(large), "The sign of a yaw", 168)
    save(folder / "pose.png", pose(studio), "pose (degrees)", 60)
    save(folder / "illumination.png", illumination(studio), "illumination (azimuth, elevation)", 72)
    save(folder / "expression.png", looks(studio, expression_looks()), "expression", 72)
    save(folder / "accessory.png", looks(studio, accessory_looks()), "accessory", 72)
    save(folder / "age.png", looks(studio, age_looks()), "age (years)", 72)
    save(folder / "occlusion.png", occlusion(studio), "occlusion", 72)
    sys.stdout.write(f"wrote the sheets to {folder}\n")


def save(path: Path, rows: Sequence[Sequence[Tile]], title: str, tile_px: int) -> None:
    """Write a sheet, in 256 colours, so that it is small enough for a repository."""
    picture: Image.Image = sheet(rows, tile_px=tile_px, title=title)
    few = picture.quantize(256, method=Image.Quantize.MAXCOVERAGE, kmeans=4)
    few.save(path, optimize=True)


def photograph(
    studio: Studio,
    number: int,
    look: Appearance | None = None,
    yaw_deg: int = 0,
    light: int = FRONTAL,
) -> Pixels:
    """Take one picture."""
    taken = studio.pictures(sample_identity(SEED, number), look or Appearance(), yaw_deg, [light])
    return taken[0]  # type: ignore[no-any-return]  # an array's part is an array


def people(studio: Studio) -> list[list[Tile]]:
    """Return a hundred people in ten rows."""
    return [[Tile(photograph(studio, 10 * y + x)) for x in range(10)] for y in range(10)]


def yaw(studio: Studio) -> list[list[Tile]]:
    """Return one person from three sides, in words."""
    words = {
        -45: "pose=-45: the camera stands on\nthe sitter's right",
        0: "pose=0",
        45: "pose=45: the camera stands on\nthe sitter's left",
    }
    return [[Tile(photograph(studio, 4, yaw_deg=at), caption) for at, caption in words.items()]]


def pose(studio: Studio) -> list[list[Tile]]:
    """Return people from all sides."""
    return [
        [Tile(photograph(studio, number, yaw_deg=int(at)), at) for at in YAWS_DEG]
        for number in PEOPLE
    ]


def illumination(studio: Studio) -> list[list[Tile]]:
    """Return three people under all lights, each in two rows."""
    rows = []
    for number, at in ((100, 0), (103, 0), (105, 30)):
        person = sample_identity(SEED, number)
        tiles = studio.pictures(person, Appearance(), at, range(20))
        captioned = [Tile(tile, light_name(light)) for light, tile in enumerate(tiles)]
        rows += [captioned[:10], captioned[10:]]
    return rows


def light_name(number: int) -> str:
    """Return a light's number and where it stands."""
    light = LIGHTS[number]
    where = f"{light.azimuth_deg:.0f}, {light.elevation_deg:.0f}" if light.has_lamp else "room only"
    return f"{number}: {where}"


def looks(studio: Studio, shown: Sequence[tuple[str, Appearance, int]]) -> list[list[Tile]]:
    """Return people with several looks: caption, look and yaw of each."""
    return [
        [Tile(photograph(studio, number, look, at), caption) for caption, look, at in shown]
        for number in PEOPLE
    ]


def expression_looks() -> list[tuple[str, Appearance, int]]:
    """Return all expressions, from the front."""
    return [(name, Appearance(expression=name), 0) for name in EXPRESSIONS]


def accessory_looks() -> list[tuple[str, Appearance, int]]:
    """Return all accessories, from several sides."""
    yaws = (0, 0, -30, 15, 0, 30, -15)
    return [(n, Appearance(accessory=n), at) for n, at in zip(ACCESSORIES, yaws, strict=True)]


def age_looks() -> list[tuple[str, Appearance, int]]:
    """Return all ages, from the front."""
    return [(years, Appearance(age_years=int(years)), 0) for years in AGES_YEARS]


def occlusion(studio: Studio) -> list[list[Tile]]:
    """Return people as they are, with a bar over the eyes, and under five blocks."""
    none, block, bar = OCCLUSIONS
    rows = []
    for number in PEOPLE:
        face = photograph(studio, number)
        tiles = [Tile(face, none), Tile(occlude(face, bar, (0,)), bar)]
        tiles += [Tile(occlude(face, block, (number, key)), block) for key in range(5)]
        rows.append(tiles)
    return rows


if __name__ == "__main__":
    main()
