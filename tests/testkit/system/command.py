"""Runs the `nova` command in its own process, as a user does."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

NOVA = (sys.executable, "-c", "from backend.cli.main import main; main()")


def nova(
    *arguments: str | Path, environment: Mapping[str, str] | None = None, timeout_s: float = 60
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, with stdout and stderr captured separately."""
    return subprocess.run(
        [*NOVA, *map(str, arguments)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=timeout_s,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "PYTHONUTF8": "1", **(environment or {})},
        check=False,
    )
