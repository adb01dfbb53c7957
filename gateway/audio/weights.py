"""Reads the weights out of an ONNX file, which is a protobuf message: enough of it to find arrays by name, no more.

Wire format: https://protobuf.dev/programming-guides/encoding; the messages: ModelProto, GraphProto and TensorProto in
https://github.com/onnx/onnx/blob/main/onnx/onnx.proto.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

_GRAPH, _INITIALIZER = 7, 5
"""Fields of ModelProto and of GraphProto."""
_DIMS, _TYPE, _NAME, _RAW_DATA = 1, 2, 8, 9
"""Fields of TensorProto."""
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


def read(data: bytes) -> Mapping[str, NDArray[np.float32]]:
    """All float arrays of a model, by name. Raises ValueError when the data is no such file."""
    arrays: dict[str, NDArray[np.float32]] = {}
    for graph in _all(data, _GRAPH):
        for tensor in _all(graph, _INITIALIZER):
            fields = list(_fields(tensor))
            found = dict(fields)
            shape = [value for field, value in fields if field == _DIMS and isinstance(value, int)]
            match found.get(_TYPE), found.get(_NAME), found.get(_RAW_DATA):
                case 1, bytes() as name, bytes() as raw:  # 1: float
                    arrays[name.decode()] = np.frombuffer(raw, "<f4").reshape(shape)
    return arrays


def _all(message: bytes, wanted: int) -> Iterator[bytes]:
    return (value for field, value in _fields(message) if field == wanted and isinstance(value, bytes))


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Number and value of each field, in order."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        kind = key & 7
        if kind == _VARINT:
            value, at = _varint(message, at)
            yield key >> 3, value
            continue
        size, at = _varint(message, at) if kind == _BYTES else ({_FIXED64: 8, _FIXED32: 4}.get(kind, -1), at)
        if not 0 <= size <= len(message) - at:
            raise ValueError("not an ONNX file")
        yield key >> 3, message[at : at + size]
        at += size


def _varint(message: bytes, at: int) -> tuple[int, int]:
    """A number, seven bits a byte, the lowest first; and the place behind it."""
    value = shift = 0
    while at < len(message):
        byte = message[at]
        value, at, shift = value | (byte & 0x7F) << shift, at + 1, shift + 7
        if byte < 0x80:
            return value, at
    raise ValueError("not an ONNX file")
