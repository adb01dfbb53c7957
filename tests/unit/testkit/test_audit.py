"""What the auditors say is understood: weaknesses, none, and that nobody answered, which is neither."""

from __future__ import annotations

import json

from tests.testkit.audit import of_npm, of_pip


def test_a_package_with_a_known_weakness_is_named() -> None:
    found = {"name": "jinja2", "version": "2.4.1", "vulns": [{"id": "PYSEC-2019-217", "fix_versions": ["2.10.1"]}]}
    assert of_pip(json.dumps({"dependencies": [found], "fixes": []})) == ["jinja2 PYSEC-2019-217"]
    npm = {"vulnerabilities": {"lodash": {"severity": "critical"}, "ms": {"severity": "low"}}}
    assert of_npm(json.dumps(npm)) == ["lodash critical"]


def test_sound_packages_are_no_finding() -> None:
    assert of_pip('{"dependencies": [{"name": "a", "vulns": []}, {"name": "b", "skip_reason": "not found"}]}') == []
    assert of_npm('npm warn something\n{"vulnerabilities": {}}') == []


def test_an_auditor_who_could_ask_nobody_has_found_nothing_out() -> None:
    nobody = '{"dependencies": [{"name": "a", "skip_reason": "Dependency not found on PyPI"}], "fixes": []}'
    for output in ("", "Traceback", "[]", "{}", nobody):
        assert of_pip(output) is None
    for output in ("", '{"message": "405 Method Not Allowed", "error": {"summary": ""}}'):
        assert of_npm(output) is None
