"""Write lifted photographs as a set, like a drawn one."""

import hashlib
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path

import numpy as np

from gallery.attributes import Condition
from gallery.errors import ConfigError, DatasetError
from gallery.faces import FaceSet, Problem
from gallery.images import decode
from gallery.studio import assets as studio_assets
from gallery.studio.attributes import ACCESSORIES, SPACE
from gallery.studio.camera import Shot
from gallery.studio.identity import ROOMS
from gallery.studio.library import Library
from gallery.studio.lift.head_model import head_model
from gallery.studio.lift.lifter import Lifter
from gallery.studio.lift.photographs import Choice, FoundPoints, PointFinder, choose, portrait
from gallery.studio.progress import StudioProgress
from gallery.studio.render import LARGE, Seated
from gallery.studio.request import DrawRequest, LiftedPhotograph
from gallery.studio.shards import encode_strip, pack, picture_name
from gallery.studio.writer import write_set, yaw_of

VARIED = ("pose", "illumination", "accessory", "occlusion")  # what photographs can be lifted to
TOLD = ("expression", "accessory")  # what a photograph's label tells of all images, unless varied
SHINE = 0.5  # how oily a lifted face is, of the studio's average


@dataclass(frozen=True, slots=True)
class LiftOptions:
    """What is drawn of everybody; as `DrawRequest` has it."""

    attributes: tuple[str, ...] = ("pose", "illumination")
    values: Mapping[str, tuple[str, ...]] | None = None
    size: int = 60
    seed: int = 0

    def of(self, name: str) -> tuple[str, ...]:
        """Return the values that were named for an attribute."""
        return (self.values or {}).get(name, ())


def agreeing(faces: FaceSet, options: LiftOptions) -> FaceSet:
    """Leave out photographs whose labels contradict what is told of their images, with reasons.

    An accessory is put on a head that wears none. An expression is the photograph's own.
    """
    right = {"accessory": "none", "expression": "".join(options.of("expression"))}
    right = {name: value for name, value in right.items() if name in options.attributes}
    wrong = {
        face.name: f"its label says {name}={face.condition[name]}, not {name}={value}"
        for face in faces.faces
        for name, value in right.items()
        if face.condition.get(name, value) != value
    }
    left_out = (Problem(name, reason) for name, reason in wrong.items())
    kept = faces.where(lambda face: face.name not in wrong)
    return replace(kept, problems=(*faces.problems, *left_out))


def look_at(faces: FaceSet, assets: Path | None = None) -> Generator[StudioProgress, None, Choice]:
    """Find the photographs that can be lifted.

    Raises:
        MissingPackageError: The face mesh is not installed.
        DatasetError: The assets are missing, or no photograph can be lifted.
    """
    library = _library(studio_assets.require(assets))
    return (yield from choose(faces, PointFinder(), head_model(library)))


def request_of(choice: Choice, options: LiftOptions) -> DrawRequest:
    """Return the set that a choice of photographs makes.

    Raises:
        ConfigError: An attribute cannot be varied, or a size is out of range.
        WishError: An attribute or value is unknown.
    """
    _refuse_others(options)
    return DrawRequest(
        identities=len(choice.people),
        attributes=options.attributes,
        values=options.values or {},
        size=options.size,
        seed=options.seed,
        photographs=tuple(
            LiftedPhotograph(one.label, one.sha256, _told(one, options)) for one in choice.people
        ),
    )


def _refuse_others(options: LiftOptions) -> None:
    for name in options.attributes:
        if name == "expression" and len(options.of(name)) != 1:
            raise ConfigError(
                "A lifted head keeps its expression: leave it to the labels, or say the one that"
                " all photographs show, like --value expression=neutral"
            )
        if name not in (*VARIED, "expression"):
            raise ConfigError(
                f"Photographs are lifted to {', '.join(VARIED)}, not to {name!r}; the studio draws"
                " all else of people who do not exist: mindseye studio draw"
            )


def _told(one: FoundPoints, options: LiftOptions) -> Condition:
    """Return what a photograph's label tells of all its images, in the studio's words."""
    known = one.face.condition
    names = (name for name in TOLD if name in known and name not in options.attributes)
    return Condition({name: known[name] for name in names if known[name] in SPACE[name].values})


def lift(
    out: Path,
    choice: Choice,
    request: DrawRequest,
    *,
    workers: int = 1,
    assets: Path | None = None,
) -> Iterator[StudioProgress]:
    """Lift photographs, or those that are missing; yields after each.

    Args:
        out: Folder of the set; made if it is not there.
        choice: The photographs.
        request: The set that they make (`request_of`).
        workers: Processes that draw.
        assets: Folder of the assets; None is the default one.

    Raises:
        ConfigError: There is no worker.
        DatasetError: Out holds another set or cannot be written, a photograph has changed, or a
            worker was killed.
    """
    folder = studio_assets.require(assets)

    def person(number: int) -> Callable[[], bytes]:
        return partial(_lifted_shard, request, number, choice.people[number], folder)

    yield from write_set(out, request, person, workers=workers)


def _lifted_shard(request: DrawRequest, number: int, one: FoundPoints, assets: Path) -> bytes:
    content = one.faces.read(one.face)
    if hashlib.sha256(content).hexdigest() != one.sha256:
        raise DatasetError(f"{one.face.name} changed while it was lifted; run the command again")
    lifter = _lifter(assets, request.size)
    lifted = lifter.lift(*portrait(decode(content), one.points))
    rng = np.random.default_rng([request.seed, number])
    room = (request.seed, int(rng.integers(ROOMS)))
    lights = [int(name) for name in request.tiles()]
    pictures = {}
    seated = Seated(lifter.seat(lifted), SHINE, room)
    worn = "none"
    for shot in request.shots():  # all poses of an accessory follow each other
        if shot.get("accessory", "none") != worn:
            worn = shot["accessory"]
            seated = Seated(lifter.seat(lifted, worn), SHINE, room)
        taken = stray(request.seed, number, yaw_of(shot), lifted.pitch_deg, worn)
        tiles = seated.pictures(taken, request.size, lights)
        pictures[picture_name(shot)] = encode_strip(tiles, request.quality)
    return pack(pictures)


def stray(seed: int, number: int, yaw_deg: int, pitch_deg: float, accessory: str = "none") -> Shot:
    """Return the shot of one camera; it strays as the shots of drawn people do."""
    worn = [ACCESSORIES.index(accessory)] if accessory != "none" else []
    own = np.random.default_rng([seed, number, 7, yaw_deg + 90, *worn]).standard_normal(6)
    return Shot(
        yaw_deg=yaw_deg + float(own[0]),
        pitch_deg=pitch_deg + 1.5 * float(own[1]),
        roll_deg=float(own[2]),
        shift=(0.008 * float(own[3]), 0.008 * float(own[4])),
        exposure=1.25 * float(np.exp(0.03 * own[5])),
    )


@lru_cache(maxsize=1)
def _library(assets: Path) -> Library:
    return Library(assets)


@lru_cache(maxsize=1)
def _lifter(assets: Path, size: int) -> Lifter:
    """Open the lifter once for a process."""
    return Lifter(_library(assets), 512 if size <= LARGE else 1024)
