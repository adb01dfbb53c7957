"""Known vulnerabilities of dependencies, as reported by pip-audit and npm audit if their registries answer."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

TIMEOUT_S = 30.0


def python_weaknesses(requirements: Path) -> list[str] | None:
    """Audit pinned requirements with pip-audit. None if no package could be looked up."""
    command = (sys.executable, "-m", "pip_audit", "--requirement", requirements, "--no-deps", "--disable-pip")
    return of_pip(_output(*command, "--format", "json", "--progress-spinner", "off"))


def node_weaknesses(folder: Path) -> list[str] | None:
    """Audit package-lock.json with npm. None if the registry does not answer."""
    npm = shutil.which("npm")
    return of_npm(_output(npm, "audit", "--json", cwd=folder)) if npm else None


def of_pip(output: str) -> list[str] | None:
    """Parse the output of pip-audit. None if it skipped all packages."""
    packages = _object(output).get("dependencies", [])
    looked_up = [package for package in packages if "skip_reason" not in package]
    if not looked_up:
        return None
    return [f"{package['name']} {weak['id']}" for package in looked_up for weak in package["vulns"]]


def of_npm(output: str) -> list[str] | None:
    """Parse the output of npm audit: vulnerabilities that are moderate or worse."""
    found = _object(output).get("vulnerabilities")
    if found is None:
        return None
    return [f"{name} {about['severity']}" for name, about in found.items() if about["severity"] not in ("info", "low")]


def _output(*command: str | Path, cwd: Path | None = None) -> str:
    try:
        done = subprocess.run(
            command, cwd=cwd, capture_output=True, text=True, timeout=TIMEOUT_S, check=False, stdin=subprocess.DEVNULL
        )
    except subprocess.TimeoutExpired:
        return ""
    return done.stdout


def _object(output: str) -> dict[str, Any]:
    """Return the JSON object in the output, or an empty one."""
    try:
        found = json.loads(output[output.index("{") :])
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
