"""Load a CTranslate2 model on a GPU, or on the CPU where no GPU can run it. Both workers load their models here."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeVar

import ctranslate2
import structlog

from backend.errors import ModelError

log = structlog.get_logger()

DeviceKind = Literal["cpu", "cuda"]
M = TypeVar("M")

# In order of preference; "auto" takes the first that the device supports. A GPU without fast float16 (compute
# capability below 7.0) falls through to int8_float32, a CPU without int8 instructions to float32.
COMPUTE_TYPES: dict[DeviceKind, tuple[str, ...]] = {
    "cpu": ("int8", "float32"),
    "cuda": ("float16", "int8_float32", "float32"),
}

# A worker that is not configured takes no more cores than this, so that other processes keep some on large machines.
MAX_DEFAULT_CORES = 8


@dataclass(frozen=True, slots=True)
class Hardware:
    """The device to compute on and how to use it.

    `device` is "auto", "cpu" or "cuda", `index` the index of the CUDA device, `compute_type` a CTranslate2 name or
    "auto". On a CPU, `threads` work on one batch and `at_once` batches are decoded at the same time; 0 leaves the
    number to the engine. `flash_attention` applies to GPUs whose CTranslate2 was built with it.
    """

    device: str = "auto"
    index: int = 0
    compute_type: str = "auto"
    threads: int = 0
    at_once: int = 0
    flash_attention: bool = False

    @property
    def parallel_batches(self) -> int:
        """The number of batches that a CPU decodes at the same time.

        Two batches with one thread each finish sooner than two batches one after the other with two threads each.
        """
        return self.at_once or max(1, default_cores() // (self.threads or 1))


@dataclass(frozen=True, slots=True)
class DevicePlacement:
    """Where a model is loaded: the device, its index, and a compute type that it supports."""

    device: DeviceKind
    index: int
    compute_type: str


def default_cores() -> int:
    """The number of CPU cores that an engine uses when nothing is configured."""
    return min(os.cpu_count() or 1, MAX_DEFAULT_CORES)


def count_gpus() -> int:
    """The number of GPUs that CTranslate2 can use."""
    return int(ctranslate2.get_cuda_device_count())


def supported_compute_types(device: DeviceKind, index: int) -> set[str]:
    """The compute types that a device supports, by CTranslate2's names."""
    return set(ctranslate2.get_supported_compute_types(device, index))


def load_model(name: str, hardware: Hardware, open_model: Callable[[DevicePlacement], M]) -> tuple[M, str]:
    """Load a model and return it with its device ("cpu", "cuda:0"). The CPU is used if the GPU cannot run it.

    `open_model` must also run the model once: missing CUDA libraries raise an error at the first kernel, not when the
    weights are loaded. Raises ModelError if the model does not run anywhere.
    """
    if hardware.device == "cuda" or (hardware.device == "auto" and count_gpus()):
        try:
            return _load(name, hardware, "cuda", open_model), f"cuda:{hardware.index}"
        except (RuntimeError, ValueError) as error:
            log.warning("gpu_unusable", model=name, gpu_device=hardware.index, error=str(error), fallback="cpu")
    try:
        return _load(name, hardware, "cpu", open_model), "cpu"
    except (RuntimeError, ValueError) as error:
        raise ModelError(f"cannot load the model {name}: {error}") from error


def _load(name: str, hardware: Hardware, device: DeviceKind, open_model: Callable[[DevicePlacement], M]) -> M:
    """Raises RuntimeError or ValueError, as CTranslate2 does."""
    index = hardware.index if device == "cuda" else 0
    supported = supported_compute_types(device, index)
    # A type that the device lacks is replaced: a setting for the GPU must not stop the fallback to the CPU.
    wanted = (hardware.compute_type, *COMPUTE_TYPES[device])
    compute_type = next(kind for kind in wanted if kind in supported)
    model = open_model(DevicePlacement(device, index, compute_type))
    log.info("model_loaded", model=name, device=device, compute_type=compute_type)
    return model
