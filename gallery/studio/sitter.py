"""Seat somebody: make the scene of one person, age, expression and accessory."""

import numpy as np

from gallery.studio.asset_list import BROWS, IRISES, LASHES
from gallery.studio.geometry import NEUTRAL, FaceExpression, centre, chin, eyes, head_shape
from gallery.studio.glasses import GLASSES, glasses_meshes
from gallery.studio.hair import hair_colour, hair_mesh, hair_texture
from gallery.studio.hats import HATS, hair_under, hat_mesh, hat_texture
from gallery.studio.library import Library
from gallery.studio.materials import (
    BROW,
    EYE,
    FRAME,
    HAIR,
    HAT,
    LASH,
    LENS,
    SKIN,
    TEETH,
    TONGUE,
    Atlas,
    empty_atlas,
)
from gallery.studio.meshes import Floats, TriMesh
from gallery.studio.scene import MeshPart, Scene, assemble, compact
from gallery.studio.skin import SkinPainter, SkinTexture
from gallery.studio.traits import SyntheticPerson

_EYES, _TEETH = "eyes/HighPolyEyes", "teeth/Teeth_Base"
_EYEBALLS = 1  # the eyes are the second part


class Sitters:
    """Makes scenes from a library, with textures of one resolution."""

    def __init__(self, library: Library, unit: int) -> None:
        self._library = library
        self._unit = unit
        self._painter = SkinPainter(library, unit)
        self._last_skin: tuple[tuple[SyntheticPerson, float], SkinTexture] | None = None

    def seat(
        self,
        identity: SyntheticPerson,
        age_years: float,
        expression: FaceExpression,
        accessory: str,
    ) -> Scene:
        """Return the scene of one person."""
        body = head_shape(self._library, identity, age_years, expression)
        neutral = body
        if expression != NEUTRAL:
            neutral = head_shape(self._library, identity, age_years)
        parts = self._face(identity, body) + self._hair(identity, body, accessory)
        worn_on = neutral if accessory in GLASSES else body
        parts += accessory_parts(accessory, self._library, worn_on)
        atlas = empty_atlas(self._unit)
        self._paint(atlas, identity, age_years, accessory)
        marks = (centre(neutral), eyes(body), chin(neutral))
        return assemble(parts, atlas, marks, _EYEBALLS)

    def _skin(self, identity: SyntheticPerson, age_years: float) -> SkinTexture:
        """Paint the skin, or return the last one if it is the same person's at the same age."""
        who = (identity, age_years)
        if self._last_skin is None or self._last_skin[0] != who:
            self._last_skin = (who, self._painter.paint(identity, age_years))
        return self._last_skin[1]

    def _face(self, identity: SyntheticPerson, body: Floats) -> list[MeshPart]:
        library = self._library
        skin, tongue = library.head, library.tongue
        middle = np.full_like(tongue.uv, 0.5)
        return [
            MeshPart(compact(TriMesh(body, skin.triangles, skin.uv)), SKIN),
            MeshPart(self._fitted(_EYES, body), EYE, holed=True),
            MeshPart(self._fitted(_TEETH, body), TEETH),
            MeshPart(compact(TriMesh(body, tongue.triangles, middle)), TONGUE),
            MeshPart(self._fitted(_brow(identity), body), BROW, holed=True),
            MeshPart(self._fitted(_lash(identity), body), LASH, holed=True),
        ]

    def _fitted(self, name: str, body: Floats) -> TriMesh:
        proxy = self._library.proxy(name)
        return TriMesh(proxy.fit(body), proxy.triangles, proxy.uv)

    def _hair(self, identity: SyntheticPerson, body: Floats, accessory: str) -> list[MeshPart]:
        covered = accessory in HATS
        mesh = hair_mesh(self._library, identity.hair, body, under_hat=covered)
        if mesh is not None and covered:
            mesh = hair_under(hat_mesh(accessory, self._library, body), accessory, mesh, body)
        return (
            [MeshPart(mesh, HAIR, holed=True)] if mesh is not None and len(mesh.triangles) else []
        )

    def _paint(
        self, atlas: Atlas, identity: SyntheticPerson, age_years: float, accessory: str
    ) -> None:
        skin = self._skin(identity, age_years)
        atlas.put(SKIN, skin.colour)
        place = atlas.place(SKIN)
        atlas.gloss[place], atlas.bump[place] = skin.gloss, skin.bump
        self._paint_hair(atlas, identity, age_years, covered=accessory in HATS)
        self._paint_features(atlas, identity)
        paint_accessory(atlas, accessory, self._library)

    def _paint_hair(
        self, atlas: Atlas, identity: SyntheticPerson, age_years: float, *, covered: bool
    ) -> None:
        hair = identity.hair
        side = atlas.side(HAIR)
        picture = hair_texture(self._library, hair, age_years, side, under_hat=covered)
        atlas.put(HAIR, *picture)
        brow = self._library.texture(_brow(identity), atlas.side(BROW))
        colour = 0.42 * hair_colour(hair, min(age_years, 0.5 * age_years + 25))
        atlas.put(BROW, colour, np.clip(brow[..., 3] * hair.brow_density, 0, 1))
        lash = self._library.texture(_lash(identity), atlas.side(LASH))
        strength = 0.45 if identity.gender == "male" else 0.8
        atlas.put(LASH, np.array([0.012, 0.010, 0.009], np.float32), strength * lash[..., 3])

    def _paint_features(self, atlas: Atlas, identity: SyntheticPerson) -> None:
        iris = f"{IRISES[identity.manner.iris]}_eye"
        eye = self._library.texture(_EYES, atlas.side(EYE), iris)
        atlas.put(EYE, identity.manner.eye_white * eye[..., :3], eye[..., 3])
        teeth = self._library.texture(_TEETH, atlas.side(TEETH), "teeth")
        atlas.put(TEETH, teeth[..., :3] * np.array([1.25, 1.15, 1.0], np.float32))
        atlas.put(TONGUE, np.array([0.15, 0.035, 0.032], np.float32))


def accessory_parts(accessory: str, library: Library, body: Floats) -> list[MeshPart]:
    """Return the meshes of an accessory on a body's head; none of "none"."""
    if accessory in HATS:
        return [MeshPart(hat_mesh(accessory, library, body), HAT)]
    if accessory in GLASSES:
        frame, lenses = glasses_meshes(accessory, body)
        return [MeshPart(frame, FRAME), MeshPart(lenses, LENS, holed=True)]
    return []


def paint_accessory(atlas: Atlas, accessory: str, library: Library) -> None:
    """Lay an accessory's colours on an atlas."""
    if accessory in HATS:
        atlas.put(HAT, hat_texture(accessory, library, atlas.side(HAT)))
    if accessory in GLASSES:
        style = GLASSES[accessory]
        atlas.put(FRAME, np.array(style.frame, np.float32))
        atlas.put(LENS, np.array(style.lens, np.float32), style.dark)


def _brow(identity: SyntheticPerson) -> str:
    return f"eyebrows/{BROWS[identity.hair.brow]}"


def _lash(identity: SyntheticPerson) -> str:
    return f"eyelashes/{LASHES[identity.hair.lash]}"
