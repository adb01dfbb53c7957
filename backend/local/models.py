"""Which models `nova` starts with, fetched when they are missing."""

from __future__ import annotations

import os
from pathlib import Path

import click

from backend import models
from backend.cli.models import progress
from backend.errors import ModelError

LIGHT = "opus-zh-en"
"""A small translation model for when the large one cannot be had."""


def speech_model(wanted: str) -> str:
    """The directory of a speech model; "auto": the best this machine runs in real time.

    What needs no weights here, "null" or the URL of a remote recognizer, is returned as it is.
    """
    if wanted == "null" or wanted.startswith(("http://", "https://")):
        return wanted
    name = models.auto("whisper", _device()) if wanted == "auto" else wanted
    return str(_fetched(name))


def translation_models(wanted: str) -> str:
    """Directories of translation models, separated by commas.

    "auto": NLLB-200, which serves all pairs; where no source of it can be reached, what is installed and a light pair.
    """
    if wanted != "auto":
        return ",".join(str(_fetched(name.strip())) for name in wanted.split(",") if name.strip())
    try:
        return str(_fetched(models.auto("nllb", _device())))
    except ModelError as error:
        click.secho(f"  {error.message}", dim=True, err=True)
        click.echo(f"  Going on with {LIGHT} (Chinese to English); other pairs will say what to install.", err=True)
    here = {str(found.path) for found in models.installed() if found.kind == "opus"}
    try:
        here.add(str(_fetched(LIGHT)))
    except ModelError as error:
        click.secho(f"  {error.message}", dim=True, err=True)
    return ",".join(sorted(here))


def _fetched(name: str) -> Path:
    with progress() as show:
        return models.fetch(name, show)


def _device() -> str:
    """Whether there is an NVIDIA GPU, without loading a library that could use it."""
    wanted = os.environ.get("STT_DEVICE", "auto")
    if wanted != "auto":
        return wanted
    return "cuda" if Path("/dev/nvidia0").exists() or Path("/proc/driver/nvidia/version").exists() else "cpu"
