"""Reads which entries the metadata of ONNX files have, without loading the models."""

from collections.abc import Iterable
from pathlib import Path

# The metadata follow the weights in a file (onnx.proto: `metadata_props` is field 14, `graph` is field 7).
TAIL_BYTES = 4 << 20
# The first field of an entry is its name (onnx.proto: `StringStringEntryProto.key`).
_NAME_FIELD = 0x0A


def metadata_entries(directory: Path, names: Iterable[str]) -> frozenset[str]:
    """Those of the names that an entry of a model in the directory has."""
    tails = [_tail(file) for file in directory.glob("*.onnx")]
    return frozenset(name for name in names if any(_encoded(name) in tail for tail in tails))


def _tail(file: Path) -> bytes:
    with file.open("rb") as opened:
        opened.seek(max(0, file.stat().st_size - TAIL_BYTES))
        return opened.read()


def _encoded(name: str) -> bytes:
    return bytes([_NAME_FIELD, len(name)]) + name.encode()
