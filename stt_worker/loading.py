"""Weights from a directory onto the device that runs them, whichever that turns out to be."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import ctranslate2
import numpy as np
import structlog
from faster_whisper import WhisperModel
from threadpoolctl import threadpool_limits

from backend.errors import ModelError
from stt_worker.recognizers.windows import Windows

log = structlog.get_logger()

FASTEST = {"cpu": ("int8", "float32"), "cuda": ("float16", "int8_float32", "float32")}
"""Compute types, best first; the first that the device supports is taken."""

MOST_CORES = 8
"""Of a CPU, that are taken unasked."""


@dataclass(frozen=True, slots=True)
class Hardware:
    """What to compute on. `device`: "auto", "cpu" or "cuda"; `compute_type`: CTranslate2's name, or "auto"."""

    device: str = "auto"
    index: int = 0
    """Of the CUDA device."""
    compute_type: str = "auto"
    threads: int = 0
    """Of a CPU, for one batch; 0: one."""
    at_once: int = 0
    """Batches that a CPU decodes at the same time, with one copy of the weights; 0: as many as its cores allow."""
    flash_attention: bool = False
    """On a GPU whose CTranslate2 has it."""

    @property
    def decoders(self) -> int:
        """Batches that a CPU decodes at the same time. Two threads on one batch get less done than one each on two."""
        return self.at_once or max(1, min(os.cpu_count() or 1, MOST_CORES) // (self.threads or 1))


def gpus() -> int:
    """How many there are that CTranslate2 can use."""
    return int(ctranslate2.get_cuda_device_count())


def load(path: Path, hardware: Hardware) -> tuple[WhisperModel, str]:
    """The model, which has run once, and the device it stands on: the CPU when the GPU cannot run it.

    CUDA libraries that are missing show at the first kernel, not at loading. Raises ModelError when nothing runs it.
    """
    if not (path / "model.bin").is_file():
        raise ModelError(f"no model in {path}: there is no model.bin")
    threadpool_limits(1, user_api="blas")  # of the features, whose matrices are small; the decoder's threads are others
    if hardware.device == "cuda" or (hardware.device == "auto" and gpus()):
        try:
            return _load(path, hardware, "cuda"), f"cuda:{hardware.index}"
        except (RuntimeError, ValueError) as error:
            log.warning("gpu_unusable", gpu_device=hardware.index, error=str(error), fallback="cpu")
    try:
        return _load(path, hardware, "cpu"), "cpu"
    except (RuntimeError, ValueError) as error:
        raise ModelError(f"the model does not run: {error}") from error


def _load(path: Path, hardware: Hardware, place: str) -> WhisperModel:
    """Raises RuntimeError or ValueError when the model cannot run there."""
    index = hardware.index if place == "cuda" else 0
    supported = ctranslate2.get_supported_compute_types(place, index)
    compute_type = hardware.compute_type
    if compute_type not in supported:
        compute_type = next(kind for kind in FASTEST[place] if kind in supported)
    special = {"flash_attention": True} if hardware.flash_attention and place == "cuda" else {}
    whisper = WhisperModel(
        str(path),
        device=place,
        device_index=index,
        compute_type=compute_type,
        cpu_threads=hardware.threads or 1,
        num_workers=hardware.decoders if place == "cpu" else 1,
        **special,
    )
    start = whisper.hf_tokenizer.token_to_id("<|startoftranscript|>")
    whisper.model.generate(_silence(whisper), [[start]], max_length=8, beam_size=1)
    log.info("model_loaded", model=path.name, device=place, compute_type=compute_type)
    return whisper


def _silence(whisper: WhisperModel) -> ctranslate2.StorageView:
    return ctranslate2.StorageView.from_array(np.zeros((1, whisper.model.n_mels, Windows().sizes[0]), np.float32))
