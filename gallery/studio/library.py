"""The assets as arrays, read when first asked for and kept.

Colours are linear light, 0..1, unless a name says otherwise.

Source: IEC 61966-2-1 (the sRGB curve).
"""

from functools import cached_property
from pathlib import Path

import numpy as np
from PIL import Image

from gallery.errors import DatasetError
from gallery.studio.meshes import (
    Floats,
    Proxy,
    Target,
    TriMesh,
    read_groups,
    read_proxy,
    read_target,
)

BODY_VERTICES = 13380  # the body stands first in base.obj; helpers follow
SHOULDER_DM = 4.7  # what lies below is never in the picture


class Library:
    """Assets of one folder.

    Nothing is checked beforehand: a file that is missing is reported when it is asked for.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._targets: dict[str, Target] = {}
        self._proxies: dict[str, Proxy] = {}
        self._pictures: dict[tuple[str, int], Floats] = {}

    @cached_property
    def _base(self) -> tuple[Floats, dict[str, TriMesh]]:
        return read_groups(self.folder / "morphs/mpfb2/3dobjs/base.obj")

    @property
    def base(self) -> Floats:
        """Vertices of the unmorphed body and its helpers, (V, 3)."""
        return self._base[0]

    @cached_property
    def head(self) -> TriMesh:
        """Skin from the shoulders up; its vertices are the whole body's."""
        vertices, groups = self._base
        body = groups["body"]
        kept = (vertices[body.triangles, 1] > SHOULDER_DM).all(axis=1)
        return TriMesh(vertices, body.triangles[kept], body.uv[kept])

    @property
    def tongue(self) -> TriMesh:
        """The tongue; its vertices are the whole body's."""
        return self._base[1]["helper-tongue"]

    @cached_property
    def _target_files(self) -> dict[str, Path]:
        root = self.folder / "morphs"
        files = [*root.glob("mpfb2/targets/*/*.target.gz")]
        files += root.glob("faceunits01/targets/faceunits/*.target")
        return {path.name.partition(".")[0]: path for path in files}

    def target(self, name: str) -> Target:
        """Return a morph by the name of its file, like "chin-width-incr" or "jawOpen".

        Raises:
            DatasetError: There is none.
        """
        if name not in self._targets:
            if name not in self._target_files:
                raise DatasetError(f"{self.folder} holds no morph target {name!r}; {_AGAIN}")
            self._targets[name] = read_target(self._target_files[name])
        return self._targets[name]

    def has_target(self, name: str) -> bool:
        """Say whether there is a morph of this name."""
        return name in self._target_files

    def proxy(self, name: str) -> Proxy:
        """Return a fitted mesh by kind and name, like "hair/bob01"."""
        if name not in self._proxies:
            path = self.folder / "proxies/proxies" / name / f"{name.rpartition('/')[2]}.json"
            self._proxies[name] = read_proxy(path)
        return self._proxies[name]

    def texture(self, name: str, side: int, pattern: str = "*") -> Floats:
        """Return a fitted mesh's picture: linear RGB and alpha, (side, side, 4).

        Args:
            name: As for `proxy`.
            side: Size wanted, pixels.
            pattern: Pattern of the file's name, where there are several.
        """
        return self._picture(f"proxies/proxies/{name}/textures/{pattern}.png", side)

    def skin(self, name: str, side: int) -> Floats:
        """Return a skin by the name `skin_names` gave, (side, side, 3)."""
        return self._picture(name, side)[..., :3]

    def skin_names(self, age: str, kind: str, gender: str) -> tuple[str, ...]:
        """List the skins of a group, like ("young", "asian", "female")."""
        root = self.folder / "proxies"
        found = (root / f"skins/{age}_{kind}_{gender}/textures").glob("*diffuse*.png")
        return tuple(sorted(path.relative_to(self.folder).as_posix() for path in found))

    def lips(self, side: int) -> Floats:
        """Return where the lips are on the skin, (side, side), 0..1."""
        srgb = to_srgb(self._picture("morphs/mpfb2/textures/mpfb_lips.jpg", side)[..., 0])
        return np.asarray(srgb, dtype=np.float32)

    def _picture(self, pattern: str, side: int) -> Floats:
        key = (pattern, side)
        if key not in self._pictures:
            self._pictures[key] = self._read_picture(pattern, side)
        return self._pictures[key]

    def _read_picture(self, pattern: str, side: int) -> Floats:
        found = sorted(self.folder.glob(pattern))
        if not found:
            raise DatasetError(f"{self.folder} holds no picture {pattern}; {_AGAIN}")
        try:
            with Image.open(found[0]) as file:
                image = file.convert("RGBA").resize((side, side), Image.Resampling.BOX)
        except OSError as error:
            raise DatasetError(
                f"The asset {found[0]} cannot be read ({error}); {_AGAIN}"
            ) from error
        picture = np.asarray(image, dtype=np.float32) / 255
        picture[..., :3] = to_linear(picture[..., :3])
        return picture


def to_linear(srgb: Floats) -> Floats:
    """Turn sRGB values, 0..1, into linear light."""
    low = srgb / 12.92
    high = ((np.maximum(srgb, 0) + 0.055) / 1.055) ** 2.4
    return np.where(srgb <= 0.04045, low, high).astype(np.float32)


def to_srgb(linear: Floats) -> Floats:
    """Turn linear light into sRGB values; negative light counts as none."""
    light = np.maximum(linear, 0)
    high = 1.055 * np.power(np.maximum(light, 1e-8), 1 / 2.4) - 0.055
    return np.where(light <= 0.0031308, light * 12.92, high).astype(np.float32)


_AGAIN = "delete the folder and run `mindseye studio assets`"
