"""Cuts of hair: meshes from the assets, shells of our own, and shaved heads.

A shell is a surface around the scalp, thick where hair is thick (gallery/studio/hair_shell.py).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Shell:
    """Shape of a shell of hair; lengths in decimetres.

    Attributes:
        top: Thickness above.
        sides: Thickness around the ears.
        front: Added above the forehead, like a quiff.
        parting: Depth of the groove along the parting; 0 is none.
        fringe: How far hair hangs down on the forehead, as a share of the way to the brows.
        drop: How far it hangs below the ears; 0 leaves the ears free.
        face: Azimuth in degrees behind which hanging hair begins.
        flare: How far hanging hair stands off at its ends.
        bun: Radius of a bun; 0 is none.
        curl: Added to the person's own curl.
    """

    top: float
    sides: float
    front: float = 0.0
    parting: float = 0.0
    fringe: float = 0.0
    drop: float = 0.0
    face: float = 70.0
    flare: float = 0.0
    bun: float = 0.0
    curl: float = 0.0


@dataclass(frozen=True, slots=True)
class Style:
    """One cut.

    Attributes:
        name: Unique.
        female: How usual it is for women.
        male: How usual it is for men.
        curly: Factor for people with curly hair.
        mesh: Asset that draws it, or None.
        shell: Shape that draws it, or None; a style with neither is painted on the scalp.
        likes: Factor by ancestry; 1 where none is given.
    """

    name: str
    female: float
    male: float
    curly: float = 1.0
    mesh: str | None = None
    shell: Shell | None = None
    likes: Mapping[str, float] = field(default_factory=dict)

    def weight(self, gender: str, ancestry: str, *, curly: bool) -> float:
        """Return how usual the cut is for somebody; weights do not sum to 1."""
        usual = self.male if gender == "male" else self.female
        return usual * self.likes.get(ancestry, 1.0) * (self.curly if curly else 1.0)


_CURLS = {"african": 3.0}

STYLES = (
    Style("shaved", 0.06, 1.0, likes={"african": 1.8}),
    Style("short01", 0.0, 1.1, 0.3, mesh="short01"),
    Style("short02", 0.4, 0.9, 0.3, mesh="short02"),
    Style("short03", 0.2, 0.3, 0.2, mesh="short03"),
    Style("short04", 0.3, 1.0, 1.0, mesh="short04"),
    Style("afro01", 0.35, 0.3, 3.0, mesh="afro01", likes={"african": 2.0, "east-asian": 0.1}),
    Style("bob01", 0.7, 0.0, 0.3, mesh="bob01"),
    Style("bob02", 0.9, 0.05, 0.3, mesh="bob02"),
    Style("long01", 1.6, 0.08, 0.5, mesh="long01"),
    Style("braid", 1.0, 0.0, 0.8, mesh="Braid01"),
    Style("ponytail", 1.0, 0.08, 0.8, mesh="ponytail01"),
    Style("crop", 0.12, 1.1, shell=Shell(0.10, 0.045)),
    Style("crew", 0.0, 0.9, shell=Shell(0.16, 0.035, front=0.06)),
    Style("side-parted", 0.2, 1.0, 0.4, shell=Shell(0.20, 0.07, front=0.05, parting=0.12)),
    Style("quiff", 0.08, 0.7, 0.7, shell=Shell(0.22, 0.05, front=0.20)),
    Style("swept-back", 0.35, 0.5, 0.4, shell=Shell(0.11, 0.06, front=0.05)),
    Style("fringe-crop", 0.15, 0.5, 0.8, shell=Shell(0.18, 0.08, fringe=0.5)),
    Style("curls", 0.35, 0.5, 4.0, shell=Shell(0.26, 0.16, curl=0.5), likes=_CURLS),
    Style("halo", 0.35, 0.3, 4.0, shell=Shell(0.46, 0.36, curl=0.6), likes=_CURLS),
    Style("to-jaw", 0.8, 0.15, shell=Shell(0.17, 0.19, parting=0.1, drop=0.85, flare=0.06)),
    Style("to-jaw-fringe", 0.5, 0.0, 0.6, shell=Shell(0.17, 0.19, fringe=0.75, drop=0.8)),
    Style("to-shoulder", 1.0, 0.15, shell=Shell(0.16, 0.18, parting=0.12, drop=1.7, flare=0.12)),
    Style("long-fringe", 0.6, 0.0, 0.6, shell=Shell(0.16, 0.17, fringe=0.75, drop=2.1)),
    Style("long-parted", 1.0, 0.05, shell=Shell(0.13, 0.16, parting=0.12, drop=2.4, face=60)),
    Style("long-curly", 0.4, 0.05, 4.0, shell=Shell(0.25, 0.24, drop=1.6, flare=0.25, curl=0.6)),
    Style("bun", 0.8, 0.06, shell=Shell(0.075, 0.05, bun=0.36)),
    Style("high-bun", 0.4, 0.04, 1.5, shell=Shell(0.08, 0.05, bun=0.3)),
    Style("pixie", 0.6, 0.1, 0.8, shell=Shell(0.20, 0.09, fringe=0.35, parting=0.06)),
)
