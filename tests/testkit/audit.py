"""Queries the audit services of PyPI and npm for known vulnerabilities of our dependencies."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

TIMEOUT_S = 30.0


def python_vulnerabilities(requirements: Path) -> list[str] | None:
    """Vulnerabilities of pinned requirements, by pip-audit. None if the service did not answer."""
    command = (sys.executable, "-m", "pip_audit", "--requirement", requirements, "--no-deps", "--disable-pip")
    return parse_pip_audit(_output(*command, "--format", "json", "--progress-spinner", "off"))


def node_vulnerabilities(folder: Path) -> list[str] | None:
    """Vulnerabilities of the packages in package-lock.json, by npm. None if the registry did not answer."""
    npm = shutil.which("npm")
    return parse_npm_audit(_output(npm, "audit", "--json", cwd=folder)) if npm else None


def parse_pip_audit(output: str) -> list[str] | None:
    """Parse the JSON of pip-audit. It skips packages that it cannot look up. None if it skipped all of them."""
    packages = _object(output).get("dependencies", [])
    looked_up = [package for package in packages if "skip_reason" not in package]
    if not looked_up:
        return None
    return [f"{package['name']} {weak['id']}" for package in looked_up for weak in package["vulns"]]


def parse_npm_audit(output: str) -> list[str] | None:
    """Parse the JSON of npm audit: vulnerabilities of moderate or higher severity."""
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
    """The JSON object in the output, empty if there is none."""
    try:
        found = json.loads(output[output.index("{") :])
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
