"""Official weights turned into CTranslate2 form, once, by CTranslate2's own converter in a process of its own."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

from backend.models.catalogue import Conversion
from backend.models.download import UnavailableError

_NEEDED = ("torch", "transformers")


def require_extra() -> None:
    """Raise UnavailableError, saying what to install, when this Python cannot convert."""
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise UnavailableError(
            f"converting the official weights needs {' and '.join(missing)}: pip install 'nova-voice[convert]'"
        )


def command(conversion: Conversion, official: Path, out: Path) -> list[str]:
    """The command line that converts the official weights in one directory into another."""
    return [
        *(sys.executable, "-m", "ctranslate2.converters.transformers"),
        *("--model", str(official)),
        *("--output_dir", str(out)),
        *("--quantization", conversion.quantization),
        *("--copy_files", *conversion.copied),
        "--force",
    ]


def convert(conversion: Conversion, official: Path, out: Path) -> None:
    """Convert; the network is not touched. Raises UnavailableError with the converter's last words."""
    offline = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}
    done = subprocess.run(
        command(conversion, official, out),
        env={**os.environ, **offline},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        words = done.stderr.strip().splitlines() or ["no reason given"]
        raise UnavailableError(f"the conversion failed: {words[-1]}")
