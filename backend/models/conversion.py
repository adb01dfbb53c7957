"""Convert official weights to CTranslate2 with CTranslate2's own converter, in a child process."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

from backend.errors import SourceUnavailableError
from backend.models.specs import ConversionSource

_REQUIRED = ("torch", "transformers")


def require_extra() -> None:
    """Raise SourceUnavailableError when the packages of the `convert` extra are not installed."""
    missing = [name for name in _REQUIRED if importlib.util.find_spec(name) is None]
    if missing:
        raise SourceUnavailableError(
            f"converting the official weights needs {' and '.join(missing)}: pip install 'nova-voice[convert]'"
        )


def converter_command(source: ConversionSource, official: Path, out: Path) -> list[str]:
    """Build the command line that converts the weights in `official` into `out`."""
    return [
        *(sys.executable, "-m", "ctranslate2.converters.transformers"),
        *("--model", str(official)),
        *("--output_dir", str(out)),
        *("--quantization", "int8"),
        *("--copy_files", *source.copied),
        "--force",
    ]


def convert(source: ConversionSource, official: Path, out: Path) -> None:
    """Convert without network access. Raises SourceUnavailableError with the last line of the converter's output."""
    offline = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}
    done = subprocess.run(
        converter_command(source, official, out),
        env={**os.environ, **offline},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["no reason given"]
        raise SourceUnavailableError(f"the conversion failed: {lines[-1]}")
