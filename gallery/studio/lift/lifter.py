"""A frontal photograph becomes a scene of the studio.

Shapes: S side of a portrait, V vertices, N texels, U side of a texture.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageFilter

from gallery.align import Pixels
from gallery.studio.curves import smooth
from gallery.studio.geometry import centre, chin, eyes
from gallery.studio.hats import HATS, hair_under, hat_mesh
from gallery.studio.library import Library, to_linear
from gallery.studio.lift.bake import Taken, Texels, fill, shadows, take, texels
from gallery.studio.lift.fit import PhotoCamera, fit_head
from gallery.studio.lift.hair import hair_grid, hair_points
from gallery.studio.lift.head_model import EYES_PROXY, head_model
from gallery.studio.lift.light import light_of, relative_light, unexplained
from gallery.studio.lift.person_mask import find_person
from gallery.studio.materials import EYE, HAIR, SKIN, Atlas, copied, empty_atlas
from gallery.studio.meshes import Floats, TriMesh
from gallery.studio.scene import MeshPart, Scene, assemble, compact, vertex_normals
from gallery.studio.sitter import accessory_parts, paint_accessory
from gallery.studio.skin_map import skin_map

_ALBEDO = 1.0  # of the photograph's light, so that the standard light about gives it back
_DARKEST, _LIGHTEST = 0.002, 0.95
_EYEBALLS = 1  # the eyes are the second part


@dataclass(frozen=True, slots=True)
class Lifted:
    """What was made of a photograph.

    Attributes:
        body: Vertices of base.obj, fitted.
        parts: Skin, eyes and hair.
        atlas: Their textures.
        yaw_deg: How the head was turned in the photograph.
        pitch_deg: The elevation from which it was taken.
    """

    body: Floats
    parts: tuple[MeshPart, MeshPart, MeshPart]
    atlas: Atlas
    yaw_deg: float
    pitch_deg: float


class _Photo(NamedTuple):
    """A portrait, and how it was taken.

    Attributes:
        light: Linear RGB, and how surely a pixel shows the person, (S, S, 4).
        camera: Its camera.
        nearest: Depths of what is nearest to it, a square map.
        per: Pixels of that map per pixel.
    """

    light: Floats
    camera: PhotoCamera
    nearest: Floats
    per: float


class Lifter:
    """Lifts portraits, with textures of one resolution."""

    def __init__(self, library: Library, unit: int) -> None:
        """Prepare what all heads share; takes seconds.

        Args:
            library: The studio's assets.
            unit: Pixels of a unit of the atlas, a power of two.
        """
        self._library = library
        self._unit = unit
        self._model = head_model(library)
        self._hair = hair_grid(library)
        head = library.head
        self._skin = compact(TriMesh(library.base, head.triangles, head.uv))
        self._used = np.unique(head.triangles)
        self._on_skin = texels(self._skin, unit)
        self._on_hair = texels(self._hair.template, unit // 2)
        self._face, self._even, self._cheeks = self._masks()

    def lift(self, pixels: Pixels, points: Floats) -> Lifted:
        """Make a head of a portrait.

        Args:
            pixels: RGB, 0..255, (S, S, 3).
            points: The 468 points in it, (468, 3).
        """
        kept, camera = fit_head(self._model, points)
        body = self._model.body(self._library.base, kept)
        skin = TriMesh(body[self._used], self._skin.triangles, self._skin.uv)
        mask = find_person(pixels, points, camera, skin, chin(body))
        template = self._hair.template
        strands = hair_points(self._hair, body, camera, mask)
        hair = TriMesh(strands, template.triangles, template.uv)
        sure = smooth(0.55, 0.95, _inner(mask))[..., None]
        light = np.concatenate([to_linear(pixels.astype(np.float32) / 255), sure], axis=-1)
        photo = _Photo(light.astype(np.float32), camera, *shadows(camera, (skin, hair), len(mask)))
        parts = (
            MeshPart(skin, SKIN),
            MeshPart(self._eyeballs(body, photo), EYE),
            MeshPart(hair, HAIR),
        )
        atlas = empty_atlas(self._unit)
        on_skin, on_hair = (
            self._take(photo, skin, self._on_skin),
            self._take(photo, hair, self._on_hair),
        )
        plain = on_skin.weight * self._even
        found = light_of(on_skin.colour[::4], on_skin.normal[::4], plain[::4])
        on_skin.weight[:] *= self._bare(on_skin, found, camera)
        atlas.put(SKIN, _texture(on_skin, self._on_skin, found, self._unit))
        atlas.put(HAIR, _texture(on_hair, self._on_hair, found, self._unit // 2))
        atlas.put(EYE, self._eye_picture(body, photo, atlas.side(EYE)))
        atlas.gloss[atlas.place(SKIN)] = self._face
        return Lifted(body, parts, atlas, camera.yaw_deg, camera.pitch_deg)

    def seat(self, lifted: Lifted, accessory: str = "none") -> Scene:
        """Return the scene of a lifted head with an accessory of the studio's."""
        skin, eyeballs, hair = lifted.parts
        body, atlas = lifted.body, copied(lifted.atlas)
        parts = [skin, eyeballs, *accessory_parts(accessory, self._library, body)]
        if accessory in HATS:
            hat = hat_mesh(accessory, self._library, body)
            hair = MeshPart(hair_under(hat, accessory, hair.mesh, body), HAIR)
        if len(hair.mesh.triangles):
            parts.append(hair)
        paint_accessory(atlas, accessory, self._library)
        marks = (centre(body), eyes(body), chin(body))
        return assemble(parts, atlas, marks, _EYEBALLS)

    def _masks(self) -> tuple[Floats, Floats, Floats]:
        """Return where the face is, (U, U), which texels are plain skin, and cheeks, (N,), 0..1."""
        places = skin_map(self._library, self._unit)
        rows, columns = self._on_skin.at.T
        _, height, ahead = places.place[rows, columns].T
        even = places.face * (1 - np.clip(places.lips, 0, 1))
        plain = even[rows, columns] * (height < 7.9) * (height > 6.2) + 1e-9
        cheeks = smooth(0.65, 0.85, ahead) * smooth(7.3, 7.15, height) * (height > 6.2)
        masks = places.face, plain, cheeks
        face, plain, cheeks = (mask.astype(np.float32) for mask in masks)
        return face, plain, cheeks

    def _bare(self, taken: Taken, light: Floats, camera: PhotoCamera) -> Floats:
        """Return 0 where something else than skin lies over the sides of the face, (N,), 0..1.

        Strands of hair, earrings, temples of glasses: in front of the face they move with it.
        """
        aside = smooth(0.8, 0.6, taken.normal @ camera.towards.astype(np.float32))
        unlike = smooth(0.45, 0.9, np.abs(unexplained(taken.colour, taken.normal, light)))
        return np.asarray(1 - aside * unlike * self._cheeks, dtype=np.float32)

    def _take(self, photo: _Photo, mesh: TriMesh, where: Texels) -> Taken:
        projected = photo.camera.project(mesh.vertices)
        normals = vertex_normals(mesh.vertices, mesh.triangles)
        eye = (photo.camera.towards, photo.nearest, photo.per)
        return take(photo.light, where, projected, normals, eye)

    def _eyeballs(self, body: Floats, photo: _Photo) -> TriMesh:
        """Return both eyes; their texture is a square of the photograph."""
        proxy = self._library.proxy(EYES_PROXY)
        points = proxy.fit(body)
        low, side = self._eye_square(points, photo.camera)
        uv = (photo.camera.project(points)[:, :2] - low) / side
        uv[:, 1] = 1 - uv[:, 1]
        return TriMesh(points, proxy.triangles, uv[proxy.triangles].astype(np.float32))

    def _eye_picture(self, body: Floats, photo: _Photo, side: int) -> Floats:
        points = self._library.proxy(EYES_PROXY).fit(body)
        low, reach = self._eye_square(points, photo.camera)
        box = (float(low[0]), float(low[1]), float(low[0] + reach), float(low[1] + reach))
        channels = [
            Image.fromarray(np.ascontiguousarray(photo.light[..., channel])).transform(
                (side, side), Image.Transform.EXTENT, box, Image.Resampling.BILINEAR
            )
            for channel in range(3)
        ]
        picture = np.stack([np.asarray(channel) for channel in channels], axis=-1)
        return np.clip(_ALBEDO * picture, _DARKEST, _LIGHTEST)

    @staticmethod
    def _eye_square(points: Floats, camera: PhotoCamera) -> tuple[Floats, float]:
        """Return left upper corner and side of a square around both eyes, pixels."""
        at = camera.project(points)[:, :2]
        low = at.min(axis=0) - 2
        return low, float((at.max(axis=0) + 2 - low).max())


def _inner(mask: Floats) -> Floats:
    """Return a person's mask, (S, S), without a rim in which the background shines through."""
    reach = 2 * max(round(len(mask) / 80), 1) + 1
    levels = Image.fromarray((mask * 255).astype(np.uint8)).filter(ImageFilter.MinFilter(reach))
    return np.asarray(levels, dtype=np.float32) / 255


def _texture(taken: Taken, where: Texels, light: Floats, unit: int) -> Floats:
    """Divide the photograph's light out, and fill what was not seen, (U, U, 3)."""
    colour = np.zeros((unit, unit, 3), np.float32)
    weight = np.zeros((unit, unit), np.float32)
    rows, columns = where.at.T
    plain = taken.colour / relative_light(light, taken.normal)[:, None]
    colour[rows, columns] = _ALBEDO * plain
    weight[rows, columns] = taken.weight
    return np.clip(fill(colour, weight), _DARKEST, _LIGHTEST)
