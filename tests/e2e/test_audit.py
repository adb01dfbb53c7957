"""No package that we depend on has a known weakness. Passed over, aloud, where nobody who knows can be reached."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.paths import ROOT
from tests.testkit.audit import node_weaknesses, python_weaknesses

SILENT = "the service that knows of weaknesses in {} packages does not answer here"


@pytest.mark.slow
def test_no_python_package_has_a_known_weakness(tmp_path: Path) -> None:
    found = python_weaknesses(ROOT / "constraints.txt")
    if found is None:
        pytest.skip(SILENT.format("Python"))
    planted = tmp_path / "requirements.txt"
    planted.write_text("jinja2==2.4.1\n")
    assert python_weaknesses(planted), "it would not notice one"
    assert found == []


@pytest.mark.slow
def test_no_node_package_has_a_known_weakness(tmp_path: Path) -> None:
    found = node_weaknesses(ROOT / "frontend")
    if found is None:
        pytest.skip(SILENT.format("Node"))
    lodash = {"version": "4.17.4"}
    root = {"name": "x", "version": "1.0.0", "dependencies": {"lodash": "4.17.4"}}
    lock = {**root, "lockfileVersion": 3, "packages": {"": root, "node_modules/lodash": lodash}}
    (tmp_path / "package.json").write_text(json.dumps(root))
    (tmp_path / "package-lock.json").write_text(json.dumps(lock))
    assert node_weaknesses(tmp_path), "it would not notice one"
    assert found == []
