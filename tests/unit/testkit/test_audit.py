"""The output of pip-audit and npm audit is parsed: vulnerabilities, none, and no answer from the service."""

import pytest

from tests.testkit.audit import parse_npm_audit, parse_pip_audit


def test_vulnerabilities_are_listed_except_those_of_low_severity() -> None:
    vulnerable = '{"name": "a", "version": "1", "vulns": [{"id": "PYSEC-1", "fix_versions": ["2"]}]}'
    safe = '{"name": "b", "version": "1", "vulns": []}'
    assert parse_pip_audit(f'{{"dependencies": [{vulnerable}, {safe}], "fixes": []}}') == ["a PYSEC-1"]
    listed = '{"vulnerabilities": {"a": {"severity": "high"}, "b": {"severity": "low"}, "c": {"severity": "moderate"}}}'
    assert parse_npm_audit(listed) == ["a high", "c moderate"]


def test_packages_without_vulnerabilities_give_an_empty_list() -> None:
    packages = '[{"name": "a", "vulns": []}, {"name": "b", "skip_reason": "not found"}]'
    assert parse_pip_audit(f'{{"dependencies": {packages}}}') == []
    assert parse_npm_audit('npm warn something\n{"vulnerabilities": {}}') == []


@pytest.mark.parametrize(
    "output", ["", "Traceback", "[]", "{}", '{"dependencies": [{"name": "a", "skip_reason": "not found"}]}']
)
def test_pip_audit_without_an_answer_gives_none(output: str) -> None:
    assert parse_pip_audit(output) is None


@pytest.mark.parametrize("output", ["", "npm error", "{}", '{"message": "audit endpoint returned an error"}'])
def test_npm_audit_without_an_answer_gives_none(output: str) -> None:
    assert parse_npm_audit(output) is None
