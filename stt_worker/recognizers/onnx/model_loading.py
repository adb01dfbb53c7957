"""Loads a model in ONNX format with a class of sherpa-onnx, and finds its device, its languages and its hotwords."""

import importlib.metadata
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from backend.errors import ModelError
from stt_worker.recognizers.onnx.families import ModelFamily, model_files, model_languages
from stt_worker.recognizers.onnx.hotwords import TOKENS_FILE, Hotwords
from stt_worker.recognizers.onnx.punctuation import Punctuator

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class LoadedOnnx:
    """A recognizer of sherpa-onnx. `languages`: None if they are unknown. `punctuate`: adds marks to a text."""

    recognizer: Any
    device: str
    compute_type: str
    languages: frozenset[str] | None
    hotwords: Hotwords
    punctuate: Callable[[str], str]


def load_onnx(
    kind: type,
    path: Path,
    family: ModelFamily,
    model: str,
    device: str,
    threads: int,
    languages: str,
    punctuation: Path | None,
) -> LoadedOnnx:
    """Load a model with a class of sherpa-onnx. `languages`: codes, or "auto". Raises ModelError."""
    known, device = model_languages(languages, model), _usable(device)
    files = sorted(file.name for file in path.iterdir())
    chosen = model_files(family, files, quantized=device == "cpu")
    hotwords = Hotwords(path, family, known)
    build = getattr(kind, f"from_{family.constructor}")
    try:
        recognizer = build(
            **{argument: str(path / file) for argument, file in chosen.items()},
            **{**family.arguments, **hotwords.arguments},
            tokens=str(path / TOKENS_FILE),
            num_threads=threads,
            provider=device.partition(":")[0],
        )
    except (RuntimeError, ValueError) as error:
        raise ModelError(f"cannot load the model {path.name}: {first_line(error)}") from error
    log.info("model_loaded", model=path.name, family=family.name, device=device)
    compute_type = "int8" if any("int8" in file for file in chosen.values()) else "float32"
    punctuate = Punctuator(punctuation, threads).punctuate if punctuation else _unchanged
    return LoadedOnnx(recognizer, device, compute_type, known, hotwords, punctuate)


def _unchanged(text: str) -> str:
    return text


def _usable(device: str) -> str:
    """A CUDA device needs a build of sherpa-onnx for it. The name of its version contains "cuda"."""
    if device != "cpu" and "cuda" in importlib.metadata.version("sherpa-onnx"):
        return "cuda:0"
    if device == "cuda":
        log.warning("gpu_unusable", error="this build of sherpa-onnx has no CUDA", fallback="cpu")
    return "cpu"


def first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or ["no reason given"])[0]
