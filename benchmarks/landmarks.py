"""Detectors of faces beside each other: what they find, where, and how fast.

Every detector looks at the same photographs in turn, in one process; speed is processor seconds of
all threads, so that what else the machine does counts little. Photographs are made of drawn faces
of the packaged gallery (truth: exact), of London portraits (truth: points set by hand, pupils and
the lowest point of the chin), of CMU heads, and of portraits, shrunk, rolled, or cut so that
clothes alone are left. Errors are root mean squares in % of the height from eyes to chin. Yaws of
the 468 points are compared with those that faces were drawn under.

    PYTHONPATH=. python benchmarks/landmarks.py --portraits portraits.tar.gz --cmu cmu-faces.tar.gz
"""

import argparse
import io
import json
import tarfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from PIL import Image

from benchmarks.against import processor
from gallery.arrays import Doubles
from gallery.detection.face_mesh import FaceMesh
from gallery.detection.geometry import Detector, NoFaceError, find_face
from gallery.detection.head_pose import head_pose
from gallery.detection.registry import AUTO, open_detector
from gallery.readers.registry import open_faces

RESULTS = Path(__file__).parent / "results"
CHIN_POINT = 129  # of the 189 points of the London set; 0 and 1 are the pupils
WALL = (118, 122, 116)
SIDE = 60  # of the packaged faces
T = TypeVar("T")


@dataclass(frozen=True)
class Photo:
    """One photograph, and where its face is: eyes' middle and chin, (2, 2), if that is known."""

    image: Image.Image
    truth: Doubles | None = None


@dataclass
class Tally:
    """What a detector made of some photographs."""

    photographs: int = 0
    found: int = 0
    seconds: float = 0.0
    errors: list[Doubles] = field(default_factory=list)

    def look(self, photo: Photo, detector: Detector) -> None:
        """Find the face of one photograph."""
        before = time.process_time()
        try:
            found = find_face(photo.image, detector).landmarks
        except NoFaceError:
            found = None
        self.seconds += time.process_time() - before
        self.photographs += 1
        self.found += found is not None
        if found is not None and photo.truth is not None:
            height = photo.truth[1, 1] - photo.truth[0, 1]
            self.errors.append((np.array([found.eyes, found.chin]) - photo.truth) / height)

    def to_json(self) -> dict[str, Any]:
        """Return the numbers of a row."""
        row: dict[str, Any] = {
            "photographs": self.photographs,
            "found": self.found,
            "seconds": round(self.seconds / self.photographs, 4),
        }
        if self.errors:
            off = np.stack(self.errors)  # (N, eyes and chin, x and y)
            middle, height = off[:, :, 0].mean(axis=1), off[:, 1, 1] - off[:, 0, 1]
            for name, one in (
                *(("x", middle), ("eyes", off[:, 0, 1]), ("chin", off[:, 1, 1])),
                ("height", height),
            ):
                row[name] = round(100 * float(np.sqrt(np.square(one).mean())), 1)
        return row


def main() -> None:
    """Measure; print tables; write results/landmarks.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--portraits", type=Path, required=True)
    parser.add_argument("--cmu", type=Path, required=True)
    parser.add_argument("--each", type=int, default=8, help="photographs of each kind")
    parser.add_argument("--detectors", nargs="+", default=["dlib", "mesh", AUTO])
    given = parser.parse_args()
    detectors = {name: open_detector(name) for name in given.detectors}
    tallies: dict[str, dict[str, Tally]] = {}
    for kind, photo in photographs(given.portraits, given.cmu, given.each):
        for name, detector in detectors.items():
            tallies.setdefault(kind, {}).setdefault(name, Tally()).look(photo, detector)
    report = {
        "processor": processor(),
        "found": {k: {n: t.to_json() for n, t in row.items()} for k, row in tallies.items()},
        "yaw": {str(side): yaws(side) for side in (60, 32)},
    }
    (RESULTS / "landmarks.json").write_text(json.dumps(report, indent=1) + "\n")
    print(table(report))


def photographs(portraits: Path, cmu: Path, each: int) -> Iterator[tuple[str, Photo]]:
    """Yield photographs with their kinds, `each` of every kind."""
    yield from drawn(each)
    yield from london(portraits, each)
    yield from heads(cmu, each)
    yield from made(official(portraits, each))


def drawn(each: int) -> Iterator[tuple[str, Photo]]:
    """Yield drawn faces on a wall, by how they are turned."""
    mini = open_faces("studio-mini")
    wanted = {"illumination": "17", "expression": "neutral", "accessory": "none"}.items()
    for pose in ("0", "30", "-30", "45", "-45"):
        turned = wanted | {("pose", pose)}
        for face in [f for f in mini.faces if dict(f.condition).items() >= turned][:each]:
            image = Image.new("RGB", (140, 120), WALL)
            image.paste(mini.load(face), (40, 30))
            truth = np.array([(40 + SIDE / 2, 30 + 0.41 * SIDE), (40 + SIDE / 2, 30 + 0.93 * SIDE)])
            yield f"drawn, {abs(int(pose))} degrees", Photo(image, truth)


def london(portraits: Path, each: int) -> Iterator[tuple[str, Photo]]:
    """Yield portraits that points were set on by hand."""
    with tarfile.open(portraits) as archive:
        names = [n for n in archive.getnames() if "london/" in n and n.endswith("neutral.jpg")]
        for name in spread(sorted(names), 2 * each):
            points = np.loadtxt(
                io.StringIO(read(archive, name.replace(".jpg", ".points.csv")).decode()),
                delimiter=",",
                skiprows=1,
            )
            truth = np.stack([points[:2].mean(axis=0), points[CHIN_POINT]])
            yield "London portraits", Photo(opened(read(archive, name)), truth)


def heads(cmu: Path, each: int, eyes: str = "") -> Iterator[tuple[str, Photo]]:
    """Yield heads of the CMU Face Images, small in the photograph, by how they are turned.

    Args:
        cmu: The archive.
        each: Half as many of each pose.
        eyes: "open" or "sunglasses" alone.
    """
    faces = open_faces(f"cmu-faces:{cmu}").where(lambda face: eyes in face.condition["eyes"])
    for pose in ("straight", "left", "right", "up"):
        for face in spread([f for f in faces.faces if f.condition["pose"] == pose], 2 * each):
            yield f"CMU heads, {pose}", Photo(faces.load(face))


def official(portraits: Path, each: int) -> list[Image.Image]:
    """Return official portraits."""
    with tarfile.open(portraits) as archive:
        names = sorted(n for n in archive.getnames() if "official/" in n and n.endswith(".jpg"))
        return [opened(read(archive, name)) for name in spread(names, each)]


def made(images: Sequence[Image.Image]) -> Iterator[tuple[str, Photo]]:
    """Yield portraits as photographs of other kinds show faces."""
    for number, image in enumerate(images):
        for share in (10, 20, 30):
            width = 1600 * 2 // share  # the face is about half as wide as the portrait
            small = image.resize((width, width * image.height // image.width))
            album = Image.new("RGB", (1600, 1200), WALL)
            album.paste(small, (100 + 90 * number % 1100, 50 + 70 * number % 700))
            yield f"faces of 1/{share} of the photograph", Photo(album)
        for angle in (30, 45):
            rolled = image.rotate(angle * (-1) ** number, Image.Resampling.BICUBIC, expand=True)
            yield f"rolled by {angle} degrees", Photo(rolled)
        clothes = image.crop((0, int(image.height * 0.72), image.width, image.height))
        yield "clothes, no face", Photo(clothes)


def yaws(side: int) -> dict[str, float]:
    """Compare yaws of the 468 points with the poses that faces were drawn under."""
    mini = open_faces("studio-mini")
    wanted = {"illumination": "7", "expression": "neutral", "accessory": "none"}.items()
    faces = [face for face in mini.faces if dict(face.condition).items() >= wanted]
    how = Image.Resampling.BICUBIC
    images = [mini.load(face).convert("RGB").resize((side, side), how) for face in faces]
    seen = FaceMesh().look(np.stack([np.asarray(image) for image in images]))
    yaw = head_pose(seen.points).yaw
    true = np.array([float(face.condition["pose"]) for face in faces])
    values = np.unique(true)
    medians = np.array([np.median(yaw[true == value]) for value in values])
    nearest = values[np.abs(yaw[:, None] - medians).argmin(axis=1)]
    return {
        "faces": len(faces),
        "seen": round(float((seen.presence > 0.5).mean()), 3),
        "mean error, degrees": round(float(np.abs(yaw - true).mean()), 2),
        "nearest pose right, %": round(100 * float((nearest == true).mean()), 1),
        "medians": dict(zip(values.astype(int).tolist(), medians.round(1).tolist(), strict=True)),
    }


def spread(items: Sequence[T], number: int) -> Sequence[T]:
    """Return so many items, from first to last."""
    return items[:: max(1, len(items) // number)][:number]


def read(archive: tarfile.TarFile, name: str) -> bytes:
    """Return the bytes of a member."""
    file = archive.extractfile(name)
    if file is None:
        raise FileNotFoundError(name)
    return file.read()


def opened(content: bytes) -> Image.Image:
    """Decode a portrait."""
    return Image.open(io.BytesIO(content)).convert("RGB")


def table(report: dict[str, Any]) -> str:
    """Return the tables as Markdown; speeds as ratios to the first detector's."""
    lines = [
        "| photographs | detector | found | s | times faster | x | eyes' y | chin's y | height |",
        "|---|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for kind, rows in report["found"].items():
        first = next(iter(rows.values()))["seconds"]
        for name, row in rows.items():
            off = " | ".join(str(row.get(one, "")) for one in ("x", "eyes", "chin", "height"))
            found = f"{row['found']} of {row['photographs']}"
            speed = f"{row['seconds']:.3f} | {first / row['seconds']:.1f}"
            lines.append(f"| {kind} | {name} | {found} | {speed} | {off} |")
    lines += ["", *(f"Yaw at {side} pixels: {row}" for side, row in report["yaw"].items())]
    return "\n".join([*lines, "", f"Processor: {report['processor']}"])


if __name__ == "__main__":
    main()
