"""Print pip constraints that pin every runtime dependency to the lower bound in pyproject.toml, for `make test-lowest`.

Tools for development keep the versions in constraints.txt: users do not install them.
"""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
EXTRAS = ("service", "cli", "gateway", "stt", "translation", "all", "onnx", "tracing", "wyoming", "nats")
FLOOR = re.compile(r"(?P<name>[\w.-]+)(?:\[[\w,]+\])?>=(?P<version>[\w.]+)")


def main() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    requirements = [*project["dependencies"], *(line for e in EXTRAS for line in project["optional-dependencies"][e])]
    floors = {found["name"]: found["version"] for line in requirements if (found := FLOOR.match(line))}
    for name, version in sorted(floors.items()):
        print(f"{name}=={version}")  # noqa: T201 - the output of the script


if __name__ == "__main__":
    main()
