"""No dependency has a known vulnerability. Skipped where the audit service cannot be reached."""

import json
from pathlib import Path

import pytest

from tests.paths import ROOT
from tests.testkit.audit import node_vulnerabilities, python_vulnerabilities

NO_ANSWER = "the audit service for {} packages does not answer"


@pytest.mark.slow
def test_no_python_package_has_a_known_vulnerability(tmp_path: Path) -> None:
    found = python_vulnerabilities(ROOT / "constraints.txt")
    if found is None:
        pytest.skip(NO_ANSWER.format("Python"))
    planted = tmp_path / "requirements.txt"
    planted.write_text("jinja2==2.4.1\n")
    assert python_vulnerabilities(planted), "a known vulnerability was not found"
    assert found == []


@pytest.mark.slow
def test_no_node_package_has_a_known_vulnerability(tmp_path: Path) -> None:
    found = node_vulnerabilities(ROOT / "frontend")
    if found is None:
        pytest.skip(NO_ANSWER.format("Node"))
    lodash = {"version": "4.17.4"}
    root = {"name": "x", "version": "1.0.0", "dependencies": {"lodash": "4.17.4"}}
    lock = {**root, "lockfileVersion": 3, "packages": {"": root, "node_modules/lodash": lodash}}
    (tmp_path / "package.json").write_text(json.dumps(root))
    (tmp_path / "package-lock.json").write_text(json.dumps(lock))
    assert node_vulnerabilities(tmp_path), "a known vulnerability was not found"
    assert found == []
