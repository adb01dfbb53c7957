"""Write software bills of materials (CycloneDX, JSON) of what users install: `python infra/sbom.py FOLDER`.

python.cdx.json lists the installed packages that `nova-voice[all,tracing]` needs, npm.cdx.json the packages in
package-lock.json that the page and the desktop client contain. Tools for development are left out of both.
"""

import json
import re
import subprocess
import sys
from collections.abc import Collection
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
INSTALLED = "nova-voice[all,tracing]"
# All npm packages are devDependencies, because Vite bundles what the page needs.
SHIPPED = ("react", "react-dom", "electron", "koffi")


def python_bom() -> dict[str, Any]:
    """The packages of the services and the `nova` command, from the running environment."""
    tool = (sys.executable, "-m", "cyclonedx_py", "environment", "--no-validate", "--output-reproducible")
    return keep(_run([*tool, "--pyproject", str(ROOT / "pyproject.toml")], ROOT), needed_by(INSTALLED))


def needed_by(requirement: str) -> set[str]:
    """The installed packages that a requirement needs. Only the extras that are asked for count."""
    found: set[tuple[str, str]] = set()
    waiting = [Requirement(requirement)]
    while waiting:
        wanted = waiting.pop()
        new = {(_normalized(wanted.name), extra) for extra in ("", *wanted.extras)} - found
        found |= new
        for name, extra in new:
            waiting += [
                one for one in _requirements(name) if one.marker is None or one.marker.evaluate({"extra": extra})
            ]
    return {name for name, _ in found}


def _requirements(package: str) -> list[Requirement]:
    try:
        return [Requirement(line) for line in requires(package) or ()]
    except PackageNotFoundError:  # not for this platform
        return []


def npm_bom() -> dict[str, Any]:
    """The packages of the page and the desktop client."""
    bom = _run(["npm", "sbom", "--sbom-format", "cyclonedx", "--package-lock-only"], ROOT / "frontend")
    names = {one["bom-ref"]: one["name"] for one in bom["components"]}
    depends_on = {item["ref"]: item.get("dependsOn", []) for item in bom["dependencies"]}
    waiting, found = [ref for ref, name in names.items() if name in SHIPPED], set()
    while waiting:
        ref = waiting.pop()
        found.add(ref)
        waiting += [to for to in depends_on.get(ref, []) if to not in found]
    return keep(bom, {names[ref] for ref in found})


def keep(bom: dict[str, Any], names: Collection[str]) -> dict[str, Any]:
    """Keep the named components, without links to their websites."""
    root = bom["metadata"]["component"]["bom-ref"]
    components = [one for one in bom["components"] if _normalized(one["name"]) in {_normalized(name) for name in names}]
    refs = {root, *(one["bom-ref"] for one in components)}
    edges = [
        {**item, "dependsOn": [to for to in item.get("dependsOn", ()) if to in refs]}
        for item in bom["dependencies"]
        if item["ref"] in refs
    ]
    links = "externalReferences"
    components = [{key: value for key, value in one.items() if key != links} for one in components]
    return {**bom, "components": components, "dependencies": edges}


def _normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _run(command: list[str], folder: Path) -> dict[str, Any]:
    done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, check=True)
    bom: dict[str, Any] = json.loads(done.stdout)
    return bom


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, bom in (("python", python_bom()), ("npm", npm_bom())):
        (folder / f"{name}.cdx.json").write_text(json.dumps(bom, indent=1) + "\n", encoding="utf-8")
        print(f"{folder / name}.cdx.json: {len(bom['components'])} components")  # noqa: T201 - the output of the script


if __name__ == "__main__":
    main(Path(sys.argv[1]))
