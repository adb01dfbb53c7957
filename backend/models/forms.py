"""What a directory holds, told by its files: the forms in which the engines read weights."""

from __future__ import annotations

import json
import re
from pathlib import Path

from backend.errors import ModelError
from backend.models.catalogue import ModelKind

_FORMS: tuple[tuple[ModelKind, tuple[tuple[str, ...], ...]], ...] = (
    ("whisper", (("model.bin",), ("config.json",), ("tokenizer.json",), ("vocabulary.txt", "vocabulary.json"))),
    ("nllb", (("model.bin",), ("shared_vocabulary.txt", "shared_vocabulary.json"), ("sentencepiece.bpe.model",))),
    ("opus", (("model/model.bin",), ("sentencepiece.model",))),
)
"""For each kind the files that it needs; of those in one tuple any is enough."""

_PAIR = re.compile(r"(?:^|-)([a-z]{2,3})[-_]([a-z]{2,3})(?:-\d+_\d+)?$")


def identify(directory: Path) -> ModelKind:
    """The kind of model that a directory holds: whisper and nllb as CTranslate2 directories, opus as an Argos package.

    Raises ModelError, naming what each kind needs, when it holds none of them.
    """
    for kind, needed in _FORMS:
        if all(any((directory / name).is_file() for name in names) for names in needed):
            return kind
    forms = "; ".join(f"{kind} needs " + ", ".join(" or ".join(names) for names in needed) for kind, needed in _FORMS)
    raise ModelError(f"{directory} holds no model that we can read: {forms}")


def pair(directory: Path) -> tuple[str, str]:
    """The languages that an opus directory translates from and to, as it spells them: ("zh", "en").

    From metadata.json, or else from the directory's name: opus-zh-en, zh_en, translate-zh_en-1_9.
    Raises ModelError when neither tells.
    """
    try:
        metadata = json.loads((directory / "metadata.json").read_bytes())
        return str(metadata["from_code"]), str(metadata["to_code"])
    except (OSError, ValueError, KeyError, TypeError):
        named = _PAIR.search(directory.resolve().name)
    if named is None:
        raise ModelError(f"{directory} does not say which languages it translates: name it opus-SOURCE-TARGET")
    return named[1], named[2]
