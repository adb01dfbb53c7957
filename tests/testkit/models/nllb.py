"""A small model with the interface of NLLB: OPUS-MT zh-en with two of its rarest tokens turned into language tokens.

The embeddings of both tokens become zero, so they have no effect, and their output bias is so low that they are never
produced. The model has two languages and only translates zho_Hans to eng_Latn.
"""

import json
import shutil
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

LANGUAGES = ("zho_Hans", "eng_Latn")
NEVER = -1e4  # output bias of a token that must not be produced


@dataclass(frozen=True, slots=True)
class Variable:
    """One array in a CTranslate2 `model.bin`."""

    name: str
    shape: tuple[int, ...]
    offset: int  # of the first element in the file, bytes
    size: int  # bytes


def derive(opus: Path, out: Path) -> Path:
    """Convert the package in `opus` (a directory with model/ and sentencepiece.model). Returns `out`."""
    shutil.copytree(opus / "model", out)
    shutil.copy(opus / "sentencepiece.model", out / "sentencepiece.bpe.model")
    vocabulary: list[str] = json.loads((out / "shared_vocabulary.json").read_text(encoding="utf-8"))
    rows = _rarest(vocabulary)
    for row, language in zip(rows, LANGUAGES, strict=True):
        vocabulary[row] = language
    (out / "shared_vocabulary.json").write_text(json.dumps(vocabulary, ensure_ascii=False), encoding="utf-8")
    with (out / "model.bin").open("r+b") as model:
        for variable in list(variables(model)):
            for row in rows:
                _silence(model, variable, row, len(vocabulary))
    return out


def variables(model: BinaryIO) -> Iterator[Variable]:
    """The arrays of a `model.bin` (CTranslate2 format 6): name, shape, type, size in bytes, then the data."""
    (version,) = struct.unpack("<I", model.read(4))
    assert version == 6, f"CTranslate2 binary version {version}"
    _text(model)
    _, count = struct.unpack("<II", model.read(8))
    for _ in range(count):
        name = _text(model)
        (rank,) = model.read(1)
        shape = struct.unpack(f"<{rank}I", model.read(4 * rank))
        _, size = struct.unpack("<BI", model.read(5))
        yield Variable(name, shape, model.tell(), size)
        model.seek(size, 1)


def _text(model: BinaryIO) -> str:
    (length,) = struct.unpack("<H", model.read(2))
    return model.read(length).rstrip(b"\0").decode()


def _rarest(vocabulary: list[str]) -> tuple[int, int]:
    """The last two words. Vocabularies of OPUS-MT are sorted by frequency, with <pad> at the end."""
    words = [row for row, token in enumerate(vocabulary) if not token.startswith("<")]
    return words[-2], words[-1]


def _silence(model: BinaryIO, variable: Variable, row: int, rows: int) -> None:
    """Clear the row of a token in an embedding, or make the token improbable."""
    if variable.shape[:1] != (rows,):
        return
    width = variable.size // rows
    model.seek(variable.offset + row * width)
    if variable.name.endswith("projection/bias"):
        model.write(struct.pack("<f", NEVER))
    elif variable.name.endswith("weight_scale"):
        model.write(struct.pack("<f", 1.0))
    else:
        model.write(bytes(width))
