"""Runs a benchmark as a user does."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any


def run_bench(name: str, folder: Path, *options: str, timeout_s: float = 100) -> dict[str, Any]:
    """The JSON result of a benchmark."""
    file = folder / f"{name}.json"
    command = [sys.executable, "-m", f"tests.bench.{name}", *options, "--json", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout_s, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    result: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    assert result["machine"]["versions"]["nova-voice"]
    return result
