"""What was measured on this machine: where it is kept, and how a worker goes by it.

NOVA_CACHE_DIR/calibration/MODEL-DEVICE.json, beside the models. `nova doctor --calibrate` writes it.
"""

from __future__ import annotations

import os
from importlib.metadata import version
from pathlib import Path

import ctranslate2
import structlog

from backend.errors import SetupError
from backend.models import ModelStore
from stt_worker.calibration.findings import FOUND, Calibration, Machine, applied, read
from stt_worker.calibration.machine import cores, graphics_card, processor
from stt_worker.settings import SttSettings

log = structlog.get_logger()

PACKAGES = ("nova-voice", "ctranslate2", "faster-whisper", "numpy")


def describe(directory: Path, settings: SttSettings) -> Machine:
    """What a calibration of this model would hold for, as things stand."""
    cuda = settings.device == "cuda" or (settings.device == "auto" and ctranslate2.get_cuda_device_count() > 0)
    return Machine(
        model=f"{directory.name}, {(directory / 'model.bin').stat().st_size} bytes",
        device=f"cuda:{settings.device_index}" if cuda else "cpu",
        hardware=graphics_card(settings.device_index) if cuda else f"{processor()}, {cores()} cores",
        versions={name: version(name) for name in PACKAGES},
    )


def place(directory: Path, machine: Machine) -> Path:
    """Where the calibration of a model on a device is kept: in the cache, beside the models."""
    name = f"{directory.name}-{machine.device.replace(':', '')}.json"
    return ModelStore.from_environment().cache.parent / "calibration" / name


def keep(found: Calibration, file: Path) -> None:
    """Write it, whole or not at all. Raises SetupError where that cannot be."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        incoming = file.with_suffix(f".{os.getpid()}")
        incoming.write_text(found.model_dump_json(indent=2) + "\n", encoding="utf-8")
        incoming.replace(file)
    except OSError as error:
        raise SetupError(f"{file} cannot be written: {error.strerror or error}") from error


def recall(settings: SttSettings, directory: Path) -> SttSettings:
    """The settings, with what was measured of the model in this directory where they leave it open.

    Where nothing was, or on another machine, they stay as they are.
    """
    machine = describe(directory, settings)
    file = place(directory, machine)
    try:
        found, reason = read(file.read_text(encoding="utf-8", errors="replace"), machine)
    except OSError as error:
        found, reason = None, error.strerror or str(error)
    if found is None:
        log.info("calibration_ignored", file=str(file), reason=reason, advice="nova doctor --calibrate")
        return settings
    best = applied(settings, found)
    log.info("calibration_applied", file=str(file), **{name: getattr(best, name) for name in FOUND})
    return best
