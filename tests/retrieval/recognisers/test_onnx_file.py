"""ONNX files are read without the package `onnx`."""

import struct
from pathlib import Path

import numpy as np
import pytest

from retrieval.recognisers.onnx_file import OnnxError, read_onnx


def varint(number: int) -> bytes:
    made = bytearray()
    while number > 0x7F:
        made.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*made, number])


def field(number: int, value: int | bytes) -> bytes:
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def attribute(name: bytes, rest: bytes) -> bytes:
    return field(5, field(1, name) + rest)


def model(tensor: bytes) -> bytes:
    """A graph of one convolution."""
    node = field(1, b"x") + field(1, b"w") + field(2, b"y") + field(4, b"Conv")
    node += attribute(b"group", field(3, 300))
    node += attribute(b"pads", field(8, 1) + field(8, 2))
    node += attribute(b"strides", field(8, varint(2) + varint(200)))  # packed
    node += attribute(b"epsilon", varint(2 << 3 | 5) + struct.pack("<f", 0.5))
    return field(1, 6) + field(7, field(1, node) + field(5, tensor))


NUMBERS = np.arange(6, dtype="<f4")
SHAPE = field(1, 2) + field(1, 3)


@pytest.mark.parametrize("place", [4, 9], ids=["floats", "raw bytes"])
def test_what_a_model_holds_is_read(tmp_path: Path, place: int) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(model(SHAPE + field(2, 1) + field(8, b"w") + field(place, NUMBERS.tobytes())))
    graph = read_onnx(path)
    (node,) = graph.nodes
    assert (node.kind, node.inputs) == ("Conv", ("x", "w"))
    assert node.numbers == {
        "group": (300,),
        "pads": (1, 2),
        "strides": (2, 200),
        "epsilon": (0.5,),
    }
    assert graph.tensors["w"].tolist() == [[0, 1, 2], [3, 4, 5]]


def test_other_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    good = model(SHAPE + field(2, 1) + field(8, b"w") + field(9, NUMBERS.tobytes()))
    doubles = model(SHAPE + field(2, 11) + field(8, b"w") + field(9, NUMBERS.tobytes()))
    for content in (b"", b"\x80", b"\xff" * 40, good[:-3], good[: len(good) // 2], doubles):
        path.write_bytes(content)
        with pytest.raises(OnnxError, match="is no ONNX model that can be read"):
            read_onnx(path)
