"""The restricted unpickler reads arrays and runs nothing."""

import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gallery.errors import WeightsError
from retrieval.evaluation.embedders.unpickling import read_arrays


class Attack:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.path),)


def pickled(folder: Path, tree: Any) -> Path:
    path = folder / "weights.ckpt"
    path.write_bytes(pickle.dumps(tree, protocol=3))
    return path


def test_nested_arrays_are_read_by_their_keys(tmp_path: Path) -> None:
    tree = {"a": {"kernel": np.ones((2, 3)), "bias": np.zeros(3, np.float32)}, "b": np.eye(2)}
    found = read_arrays(pickled(tmp_path, tree))
    assert {name: value.shape for name, value in found.items()} == {
        "a/kernel": (2, 3),
        "a/bias": (3,),
        "b": (2, 2),
    }
    assert all(value.dtype == np.float32 for value in found.values())


def test_nothing_else_is_even_looked_up(tmp_path: Path) -> None:
    target = tmp_path / "made"
    with pytest.raises(WeightsError, match="it names posix.mkdir, which is no array"):
        read_arrays(pickled(tmp_path, {"a": Attack(target)}))
    assert not target.exists()


@pytest.mark.parametrize(
    "tree", [[1, 2], {"a": "text"}, {"a": np.array(["x"])}, {"a": np.array([{}], dtype=object)}]
)
def test_what_is_no_array_of_floats_is_refused(tmp_path: Path, tree: Any) -> None:
    with pytest.raises(WeightsError, match="holds no plain arrays"):
        read_arrays(pickled(tmp_path, tree))


@pytest.mark.parametrize("content", [b"", b"no pickle", pickle.dumps({"a": np.ones(9)})[:-20]])
def test_a_damaged_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "weights.ckpt"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match="holds no plain arrays"):
        read_arrays(path)
