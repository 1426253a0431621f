"""Hair on a head: which mesh, where it is cut, and the picture of its strands."""

import numpy as np

from gallery.studio.curves import noise, smooth
from gallery.studio.geometry import eyes
from gallery.studio.hair_shell import shell_mesh
from gallery.studio.hair_styles import Shell
from gallery.studio.library import Library
from gallery.studio.meshes import Floats, TriMesh
from gallery.studio.traits import Hair

# What a mesh is exchanged for under a hat that would not hold it.
_UNDER_HAT = {
    **dict.fromkeys(("afro01", "short03"), "short04"),
    **dict.fromkeys(("bob01", "bob02", "Braid01", "long01"), "ponytail01"),
}
_FRINGED = ("bob01", "bob02", "short03", "short01")  # meshes whose fringe hangs over an eye
_SHELL_UNDER_HAT = Shell(0.08, 0.05)
GREY = np.array([0.36, 0.35, 0.34], dtype=np.float32)


def hair_mesh(library: Library, hair: Hair, vertices: Floats, *, under_hat: bool) -> TriMesh | None:
    """Return the hair on a body's head, or None where it is only painted on the scalp."""
    style = hair.style
    if style.shell:
        shell = style.shell if style.shell.drop or not under_hat else _SHELL_UNDER_HAT
        return shell_mesh(shell, hair, vertices, under_hat=under_hat)
    name = _mesh_name(hair, under_hat=under_hat)
    if name is None:
        return None
    proxy = library.proxy(f"hair/{name}")
    points, triangles, uv = proxy.fit(vertices, hair.volume), proxy.triangles, proxy.uv
    if name == "afro01":  # a row of flat cards on the forehead would look like a strap
        middle = uv.mean(axis=1)
        kept = ~((middle[:, 0] < 0.14) & (middle[:, 1] > 0.30) & (middle[:, 1] < 0.5))
        triangles, uv = triangles[kept], uv[kept]
    points = _trimmed(points, hair, vertices, fringed=name in _FRINGED)
    if hair.mirrored:  # mirrored triangles are wound the other way round
        points, triangles, uv = points * [-1, 1, 1], triangles[:, ::-1], uv[:, ::-1]
    return TriMesh(points.astype(np.float32), triangles, uv)


def hair_colour(hair: Hair, age_years: float) -> Floats:
    """Return linear RGB at some age, (3,)."""
    grey = float(smooth(hair.greys_at_years - 16, hair.greys_at_years + 16, age_years))
    colour = np.array(hair.colour, dtype=np.float32)
    mixed = np.exp((1 - grey) * np.log(colour) + grey * np.log(GREY))
    return np.asarray(mixed, dtype=np.float32)


def hair_texture(
    library: Library, hair: Hair, age_years: float, side: int, *, under_hat: bool
) -> tuple[Floats, Floats]:
    """Return linear RGB, (side, side, 3), and what is solid, (side, side)."""
    colour = hair_colour(hair, age_years)
    name = None if hair.style.shell else _mesh_name(hair, under_hat=under_hat)
    if name is None:
        return _strands(hair, colour, side)
    picture = library.texture(f"hair/{name}", side, "*_diffuse")
    light = picture[..., :3].mean(axis=-1)
    solid = picture[..., 3] > 0.5
    relative = np.clip(light / max(float(light[solid].mean()), 1e-4), 0.15, 3)
    shade = relative ** (0.45 if name == "afro01" else 0.8)
    alpha = np.clip((picture[..., 3] - 0.05) * 1.25, 0, 1)
    return shade[..., None] * colour, alpha


def _mesh_name(hair: Hair, *, under_hat: bool) -> str | None:
    name = hair.style.mesh
    return _UNDER_HAT.get(name, name) if name and under_hat else name


def _trimmed(points: Floats, hair: Hair, vertices: Floats, *, fringed: bool) -> Floats:
    """Lift the fringe off the eyes, and shorten or lengthen what hangs below the ears."""
    left, _ = eyes(vertices)
    beside = np.abs(points[:, 0])
    line = left[1] + 0.30 + 0.10 * (hair.parting + 1) - 1.5 * smooth(0.52, 0.70, beside)
    before = (points[:, 2] > left[2] - 0.15) & (points[:, 1] < line) & (beside < 0.68)
    lifted = points.copy()
    lifted[before, 1] = line[before] + 0.25 * (points[before, 1] - line[before]) * (not fringed)
    below = np.minimum(lifted[:, 1] - (left[1] - 0.45), 0)
    lifted[:, 1] += 0.28 * hair.length * below
    return lifted


def _strands(hair: Hair, colour: Floats, side: int) -> tuple[Floats, Floats]:
    """Draw strands that run down the picture; curls are spots instead."""
    rng = np.random.default_rng(hair.seed + 3)
    curl = min(1.0, hair.curl + (hair.style.shell.curl if hair.style.shell else 0))
    lines = rng.standard_normal(side, dtype=np.float32)
    wide = np.repeat(rng.standard_normal(side // 8, dtype=np.float32), 8)
    straight = np.broadcast_to(0.30 * lines + 0.22 * wide, (side, side))
    spots = noise(rng, side, ((side // 5, 0.36), (side // 10, 0.34)))
    shade = np.exp((1 - curl) * straight + curl * spots + 0.08 * noise(rng, side, ((6, 1.0),)))
    down = np.linspace(0, 1, side, dtype=np.float32)[:, None]
    tips = 1 + 0.9 * hair.tips * smooth(0.35, 0.9, down)
    picture = (shade * tips)[..., None] * colour
    frayed = 1 - smooth(0.90, 1.0, down + 0.07 * np.broadcast_to(lines, (side, side)))
    towards_rim = smooth(0.33, 0.45, down) * (down < 0.452)  # the hairline of a shell
    soft = 1 - towards_rim * (0.12 + 0.40 * np.clip(lines + 0.5 * wide, 0, 1.2))
    return picture.astype(np.float32), np.minimum(frayed, soft).astype(np.float32)
