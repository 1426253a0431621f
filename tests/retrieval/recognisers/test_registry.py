"""Which recogniser is opened: by name, or by what a card or a contract says."""

import numpy as np
import pytest

from gallery.errors import ConfigError
from retrieval.fitting.fit import FitOptions
from retrieval.recognisers.registry import DEFAULT, RECOGNISERS, name_in, open_recogniser
from retrieval.recognisers.third_party import MissingEmbedderError


@pytest.mark.parametrize("name", RECOGNISERS)
def test_a_recogniser_does_what_the_score_needs(name: str) -> None:
    try:
        recogniser = open_recogniser(name)
    except MissingEmbedderError as missing:
        pytest.skip(str(missing))
    faces = np.random.default_rng(0).integers(0, 256, (2, 128, 128, 3)).astype(np.uint8)
    vectors = recogniser.embed(faces)
    assert vectors.shape == (2, recogniser.dimension)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)
    assert name_in(recogniser.fingerprint) == name
    assert name_in(f"{recogniser.fingerprint} of 128 px") == name  # as contracts spell it


def test_what_says_nothing_is_the_default() -> None:
    assert name_in("") == name_in("colours 1") == DEFAULT == "sface"


def test_a_recogniser_that_there_is_not_is_refused() -> None:
    with pytest.raises(ConfigError, match="--recogniser cannot be 'sfaces'; did you mean 'sface'"):
        FitOptions(recogniser="sfaces")
