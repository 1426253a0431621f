"""Read sets that the studio drew (gallery/studio/shards.py).

A face's bytes are a PPM image, made when they are asked for: its tile is cut out of the strip that
holds all illuminations of its shot, and occlusions are laid over it. Faces are aligned already, so
the whole tile is the face.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache, partial
from pathlib import Path

from gallery.attributes import Attribute, AttributeSpace
from gallery.errors import DatasetError, ImageError
from gallery.faces import Face, FaceSet, Problem
from gallery.studio.attributes import EVERY, OCCLUSIONS, SPACE, STANDARD
from gallery.studio.identity import age_band, sample_identity
from gallery.studio.occlusion import Pixels, occlude
from gallery.studio.request import IN_STRIP, WHEN_READ, DrawRequest, identity_name
from gallery.studio.shards import (
    MINI,
    SetManifest,
    is_set,
    picture_name,
    read_manifest,
    read_strip,
    shard_path,
)

_STRIPS_KEPT = 32  # of 20 images of 60 pixels: 7 MB; of 256 pixels: 126 MB


@dataclass(frozen=True, slots=True)
class StudioTile:
    """Where a face's pixels are.

    Attributes:
        shard: Its file.
        picture: Name of the strip in the shard.
        number: Number of the tile in the strip, from the left.
        occlusion: What is laid over it.
        key: Decides shape and place of a block.
    """

    shard: Path
    picture: str
    number: int
    occlusion: str
    key: tuple[int, ...]


@dataclass(frozen=True)
class TileReader:
    """Returns faces of drawn sets as PPM bytes.

    Attributes:
        parts: Request and folder of each set, by what the names of its faces begin with.
    """

    parts: Mapping[str, tuple[DrawRequest, Path]] = field(repr=False)

    def __call__(self, face: Face) -> bytes:
        """Return one face.

        Raises:
            ImageError: Its shard is missing or damaged.
        """
        tile = self.tile(face)
        try:
            drawn_ns = tile.shard.stat().st_mtime_ns
            strip = _strip(tile.shard, drawn_ns, tile.picture, self._part(face)[0].size)
            pixels = occlude(strip[tile.number], tile.occlusion, tile.key)
        except (OSError, IndexError, DatasetError) as error:
            raise ImageError(f"{tile.shard.name} cannot be read: {error}") from error
        header = f"P6 {pixels.shape[1]} {pixels.shape[0]}\n255\n"
        return header.encode() + pixels.tobytes()

    def tile(self, face: Face) -> StudioTile:
        """Return where a face's pixels are."""
        request, folder = self._part(face)
        condition = face.condition.only(request.attributes)
        shot = condition.without((IN_STRIP, WHEN_READ))
        light = condition.get(IN_STRIP, STANDARD[IN_STRIP])
        number = face.name.split("/")[-2]
        values = SPACE.check({**STANDARD, **condition.only(SPACE.names)})
        key = [request.seed, int(number)]
        key += [SPACE[name].index(value) for name, value in values.items() if name != WHEN_READ]
        return StudioTile(
            shard=shard_path(folder, number),
            picture=picture_name(shot),
            number=request.tiles().index(light),
            occlusion=condition.get(WHEN_READ, OCCLUSIONS[0]),
            key=tuple(key),
        )

    def _part(self, face: Face) -> tuple[DrawRequest, Path]:
        prefix = face.name.partition("/")[0] if len(self.parts) > 1 else ""
        return self.parts[prefix]


def read(spec: str, path: Path) -> FaceSet:
    """Return a set that `mindseye studio draw` or `studio lift` made.

    Raises:
        DatasetError: There is no such folder, it holds no finished set, or none of its shards is
            there.
    """
    if not path.is_dir():
        raise DatasetError(f"There is no folder {path}; check the path after the reader's name")
    manifest = read_manifest(path)
    missing = {problem.name: problem for problem in _problems(manifest, path)}
    lifted = bool(manifest.request.photographs)
    faces = tuple(_faces(manifest.request, set(missing), "", {}))
    if not faces:
        raise DatasetError(f"All shards of {path} are missing or cut short; draw the set again")
    return FaceSet(
        spec=spec,
        root=path,
        faces=faces,
        space=manifest.request.told_space,
        problems=tuple(missing.values()),
        reader=TileReader({"": (manifest.request, path)}),
        traits=None if lifted else partial(_traits, manifest.request.seed),
    )


def read_mini(spec: str, folder: Path = MINI) -> FaceSet:
    """Return the packaged gallery: several sets as one.

    What a part does not vary has its standard value there; only an age is not known then.

    Raises:
        DatasetError: A part is missing or damaged.
    """
    parts: dict[str, tuple[DrawRequest, Path]] = {}
    faces: list[Face] = []
    problems: list[Problem] = []
    for place in sorted(folder.iterdir()) if folder.is_dir() else ():
        manifest = read_manifest(place)
        bad = _problems(manifest, place)
        parts[place.name] = (manifest.request, place)
        missing = {problem.name for problem in bad}
        problems += [Problem(f"{place.name}/{bad_one.name}", bad_one.reason) for bad_one in bad]
        faces += _faces(manifest.request, missing, f"{place.name}/", STANDARD)
    if not faces:
        raise DatasetError(f"The packaged gallery is not in {folder}; install mindseye again")
    return FaceSet(
        spec=spec,
        root=folder,
        faces=tuple(sorted(faces, key=lambda face: face.name.partition("/")[0] != "pose")),
        space=_space(faces),
        problems=tuple(problems),
        reader=TileReader(parts),
        traits=partial(_traits, next(iter(parts.values()))[0].seed),
    )


def read_drawn(path: Path) -> bytes | None:
    """Read a drawn image by its set's folder and its name; None if no such folder is above it.

    Raises:
        ImageError: It cannot be read.
        DatasetError: The set is damaged.
    """
    for parent in path.parents:
        if is_set(parent):
            faces, by_name = _drawn(parent)
            name = path.relative_to(parent).as_posix()
            if name in by_name:
                return faces.read(by_name[name])
    return None


@lru_cache(maxsize=4)
def _drawn(place: Path) -> tuple[FaceSet, dict[str, Face]]:
    """Open a drawn set once, with its faces by name."""
    faces = read_mini(str(place)) if place == MINI else read(str(place), place)
    return faces, {face.name: face for face in faces.faces}


def _faces(
    request: DrawRequest, missing: set[str], prefix: str, standard: Mapping[str, str]
) -> Iterator[Face]:
    """Yield everybody's images, but for those in missing shards."""
    for number in request.numbers:
        named = identity_name(number)
        if f"shards/{named}.zip" in missing:
            continue
        identity = request.label(number)
        for shot in request.shots():
            for condition in request.conditions(shot):
                values = ",".join(f"{name}={value}" for name, value in condition.items())
                known = EVERY.check({**standard, **request.told(number), **condition})
                yield Face(f"{prefix}{named}/{values or 'standard'}", identity, known)


def _traits(seed: int, identity: str) -> dict[str, str]:
    """Return what decides how a synthetic person looks, as far as evaluations are broken down."""
    who = sample_identity(seed, int(identity))
    return {"ancestry": who.ancestry, "gender": who.gender, "age group": age_band(who.age_years)}


def _problems(manifest: SetManifest, folder: Path) -> list[Problem]:
    problems = []
    for shard in manifest.shards:
        path = shard_path(folder, shard.identity)
        size = path.stat().st_size if path.is_file() else None
        if size is None:
            problems.append(Problem(f"shards/{path.name}", "the shard is missing"))
        elif size != shard.size_bytes:
            reason = f"the shard has {size:,} bytes instead of {shard.size_bytes:,}"
            problems.append(Problem(f"shards/{path.name}", reason))
    return problems


def _space(faces: Iterable[Face]) -> AttributeSpace:
    """Return the values that occur, in the studio's order."""
    seen: dict[str, set[str]] = {name: set() for name in SPACE.names}
    for face in faces:
        for name, value in face.condition.items():
            seen[name].add(value)
    ordered = [
        Attribute(a.name, tuple(value for value in a.values if value in seen[a.name]), a.unit)
        for a in SPACE.attributes
        if seen[a.name]
    ]
    return AttributeSpace(tuple(ordered))


@lru_cache(maxsize=_STRIPS_KEPT)
def _strip(shard: Path, drawn_ns: int, picture: str, size: int) -> Pixels:  # noqa: ARG001
    """Decode a picture of a shard; drawn_ns tells a shard from one that was there before."""
    return read_strip(shard, picture, size)
