"""What an ONNX file holds: nodes and numbers, read without the package `onnx`.

No more is read than a chain of layers needs: operators, their inputs and attributes, and tensors of
float32. Files are protocol buffers: fields with a number, a kind, and a value.

Source: onnx/onnx.proto (IR version 6), and "Encoding", protobuf.dev.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gallery.arrays import Floats
from gallery.errors import ConfigError

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5  # kinds of values
FLOAT32 = 1  # TensorProto.DataType
Value = int | bytes
Fields = Mapping[int, list[Value]]  # values of a message by field number, as they follow
# Field numbers of the messages read.
MODEL_GRAPH, GRAPH_NODE, GRAPH_TENSOR = 7, 1, 5
NODE_INPUT, NODE_KIND, NODE_ATTRIBUTE = 1, 4, 5
TENSOR_SHAPE, TENSOR_KIND, TENSOR_FLOATS, TENSOR_NAME, TENSOR_RAW = 1, 2, 4, 8, 9
ATTRIBUTE_NAME, ATTRIBUTE_FLOAT, ATTRIBUTE_INT, ATTRIBUTE_INTS = 1, 2, 3, 8


class OnnxError(ConfigError):
    """A file is not an ONNX model of the form that is read here."""


@dataclass(frozen=True, slots=True)
class Node:
    """One operator.

    Attributes:
        kind: What ONNX calls it, like "Conv".
        inputs: Names of its inputs.
        numbers: Its attributes that are numbers, or lists of whole numbers.
    """

    kind: str
    inputs: tuple[str, ...]
    numbers: Mapping[str, tuple[float, ...]]


@dataclass(frozen=True, slots=True)
class Graph:
    """Operators in the order in which they run, and tensors by name."""

    nodes: tuple[Node, ...]
    tensors: Mapping[str, Floats]


def read_onnx(path: Path) -> Graph:
    """Read a model.

    Raises:
        OnnxError: It is none, is cut short, or holds tensors that are not float32.
        OSError: The file cannot be read.
    """
    try:
        model = _message(path.read_bytes())
        graph = _message(_bytes(model[MODEL_GRAPH][-1]))
        nodes = tuple(_node(_message(_bytes(one))) for one in graph[GRAPH_NODE])
        tensors = dict(_tensor(_message(_bytes(one))) for one in graph[GRAPH_TENSOR])
    except (IndexError, TypeError, ValueError) as error:
        raise OnnxError(f"{path} is no ONNX model that can be read ({error})") from error
    return Graph(nodes, tensors)


def _node(fields: Fields) -> Node:
    attributes = [_message(_bytes(one)) for one in fields[NODE_ATTRIBUTE]]
    return Node(
        _text(fields[NODE_KIND][0]),
        tuple(map(_text, fields[NODE_INPUT])),
        {_text(one[ATTRIBUTE_NAME][0]): _numbers(one) for one in attributes},
    )


def _numbers(attribute: Fields) -> tuple[float, ...]:
    if attribute[ATTRIBUTE_FLOAT]:
        return (float(np.frombuffer(_bytes(attribute[ATTRIBUTE_FLOAT][0]), "<f4")[0]),)
    return tuple(_whole(attribute[ATTRIBUTE_INTS] or attribute[ATTRIBUTE_INT]))


def _tensor(fields: Fields) -> tuple[str, Floats]:
    name = _text(fields[TENSOR_NAME][0])
    if fields[TENSOR_KIND] != [FLOAT32]:
        raise ValueError(f"the tensor {name} does not hold float32")
    packed = b"".join(map(_bytes, fields[TENSOR_RAW] or fields[TENSOR_FLOATS]))
    return name, np.frombuffer(packed, "<f4").reshape(_whole(fields[TENSOR_SHAPE]))


def _whole(values: list[Value]) -> list[int]:
    """Read repeated whole numbers, packed or one by one."""
    found = []
    for value in values:
        found += [value] if isinstance(value, int) else list(_varints(value))
    return found


def _varints(data: bytes) -> Iterator[int]:
    place = 0
    while place < len(data):
        value, place = _varint(data, place)
        yield value


def _message(data: bytes) -> Fields:
    fields: dict[int, list[Value]] = defaultdict(list)
    place = 0
    while place < len(data):
        key, place = _varint(data, place)
        number, kind = key >> 3, key & 7
        value: Value
        if kind == VARINT:
            value, place = _varint(data, place)
        else:
            length = {FIXED64: 8, FIXED32: 4}.get(kind)
            if kind == BYTES:
                length, place = _varint(data, place)
            if length is None or place + length > len(data):
                raise ValueError(f"a field of kind {kind} at byte {place} is cut short or unknown")
            value, place = data[place : place + length], place + length
        fields[number].append(value)
    return fields


def _varint(data: bytes, place: int) -> tuple[int, int]:
    """Read a whole number of any length; return it and the place after it."""
    value = shift = 0
    while True:
        byte = data[place]
        place += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, place


def _bytes(value: Value) -> bytes:
    if isinstance(value, int):
        raise TypeError("a number stands where bytes are expected")
    return value


def _text(value: Value) -> str:
    return _bytes(value).decode()
