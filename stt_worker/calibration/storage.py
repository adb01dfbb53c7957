"""Stores calibrations and applies them: NOVA_CACHE_DIR/calibration/MODEL-DEVICE.json, next to the models.

`nova doctor --calibrate` writes the file, and workers read it when they start.
"""

import os
from importlib.metadata import version
from pathlib import Path

import structlog

from backend.engines.gpu_info import gpu_model
from backend.engines.loading import count_gpus
from backend.errors import SetupError
from backend.models import ModelStore
from stt_worker.calibration.machine import cores, processor
from stt_worker.calibration.results import CALIBRATED_SETTINGS, Calibration, MachineProfile, apply, parse
from stt_worker.settings import SttSettings

log = structlog.get_logger()

# A calibration is valid for these versions only.
PACKAGES = ("nova-voice", "ctranslate2", "faster-whisper", "numpy")


def describe_machine(directory: Path, settings: SttSettings) -> MachineProfile:
    """Describe what a calibration of the model in this directory depends on."""
    cuda = settings.device == "cuda" or (settings.device == "auto" and count_gpus() > 0)
    return MachineProfile(
        model=f"{directory.name}, {(directory / 'model.bin').stat().st_size} bytes",
        device=f"cuda:{settings.device_index}" if cuda else "cpu",
        hardware=gpu_model(settings.device_index) if cuda else f"{processor()}, {cores()} cores",
        versions={name: version(name) for name in PACKAGES},
    )


def calibration_file(directory: Path, machine: MachineProfile) -> Path:
    """The file that holds the calibration of a model on a device."""
    name = f"{directory.name}-{machine.device.replace(':', '')}.json"
    return ModelStore.from_environment().cache.parent / "calibration" / name


def store(calibration: Calibration, file: Path) -> None:
    """Write a calibration atomically. Raises SetupError if the file cannot be written."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        incoming = file.with_suffix(f".{os.getpid()}")
        incoming.write_text(calibration.model_dump_json(indent=2) + "\n", encoding="utf-8")
        incoming.replace(file)
    except OSError as error:
        raise SetupError(f"{file} cannot be written: {error.strerror or error}") from error


def apply_stored(settings: SttSettings, directory: Path) -> SttSettings:
    """Fill in the settings from the stored calibration of this model; without a valid one, return them unchanged."""
    machine = describe_machine(directory, settings)
    file = calibration_file(directory, machine)
    try:
        calibration, reason = parse(file.read_text(encoding="utf-8", errors="replace"), machine)
    except OSError as error:
        calibration, reason = None, error.strerror or str(error)
    if calibration is None:
        log.info("calibration_ignored", file=str(file), reason=reason, advice="nova doctor --calibrate")
        return settings
    best = apply(settings, calibration)
    chosen = {name: getattr(best, name) for name in CALIBRATED_SETTINGS}
    log.info("calibration_applied", file=str(file), **chosen)
    return best
