"""Reports of pip-audit and npm audit: vulnerabilities, none, or no answer of the registry."""

from __future__ import annotations

import json

from tests.testkit.audit import of_npm, of_pip


def test_a_vulnerable_package_is_reported() -> None:
    found = {"name": "jinja2", "version": "2.4.1", "vulns": [{"id": "PYSEC-2019-217", "fix_versions": ["2.10.1"]}]}
    assert of_pip(json.dumps({"dependencies": [found], "fixes": []})) == ["jinja2 PYSEC-2019-217"]
    npm = {"vulnerabilities": {"lodash": {"severity": "critical"}, "ms": {"severity": "low"}}}
    assert of_npm(json.dumps(npm)) == ["lodash critical"]


def test_packages_without_vulnerabilities_are_not_reported() -> None:
    assert of_pip('{"dependencies": [{"name": "a", "vulns": []}, {"name": "b", "skip_reason": "not found"}]}') == []
    assert of_npm('npm warn something\n{"vulnerabilities": {}}') == []


def test_without_an_answer_of_the_registry_the_result_is_unknown() -> None:
    unknown = '{"dependencies": [{"name": "a", "skip_reason": "Dependency not found on PyPI"}], "fixes": []}'
    for output in ("", "Traceback", "[]", "{}", unknown):
        assert of_pip(output) is None
    for output in ("", '{"message": "405 Method Not Allowed", "error": {"summary": ""}}'):
        assert of_npm(output) is None
