"""Virtual environments with exactly the packages that a wheel requires, without downloads.

The packages are linked from the environment that runs the tests. A package that the wheel does not require is absent.
"""

import subprocess
import sys
from importlib.metadata import Distribution, PackageNotFoundError, distribution, distributions
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


def install(wheel: Path, environment: Path, extras: str = "") -> Path:
    """Create an environment with a wheel and what it requires. Returns the folder of its programs."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    python = environment / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*pip, str(wheel)], check=True)
    (packages,) = environment.glob("lib/python*/site-packages")
    (own,) = distributions(name="nova-voice", path=[str(packages)])
    for name in required(own, extras):
        _link(distribution(name), packages)
    return environment / "bin"


def required(own: Distribution, extras: str) -> set[str]:
    """The names of all installed packages that a distribution requires, with these extras, such as "all"."""
    first = f"{own.metadata['Name']}[{extras}]" if extras else own.metadata["Name"]
    found: set[tuple[str, str]] = set()
    waiting = [Requirement(first)]
    while waiting:
        wanted = waiting.pop()
        name = canonicalize_name(wanted.name)
        for extra in {"", *wanted.extras} - {extra for known, extra in found if known == name}:
            found.add((name, extra))
            lines = own.requires if name == canonicalize_name(own.metadata["Name"]) else _requires(name)
            needed = map(Requirement, lines or ())
            waiting += [one for one in needed if one.marker is None or one.marker.evaluate({"extra": extra})]
    names = {name for name, _ in found} - {canonicalize_name(own.metadata["Name"])}
    return {name for name in names if _requires(name) is not None}


def _requires(name: str) -> list[str] | None:
    """The requirements of an installed package. None: it is not for this platform."""
    try:
        return distribution(name).requires or []
    except PackageNotFoundError:
        return None


def _link(package: Distribution, packages: Path) -> None:
    """Link the top-level modules and folders of a package."""
    for top in {file.parts[0] for file in package.files or () if file.parts[0] not in ("..", "__pycache__")}:
        if not (packages / top).exists():
            (packages / top).symlink_to(Path(str(package.locate_file(top))))
