"""`make test` runs every part, and lists what failed."""

import re
import sys

import pytest

from tests import run

PASSES = (sys.executable, "-c", "print('2 passed in 0.10s')")
FAILS = (sys.executable, "-c", "print('FAILED tests/unit/test_a.py::test_b - assert 1 == 2'); raise SystemExit(1)")


def test_all_parts_run_after_a_failure_and_the_summary_names_the_failed_test(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(run, "PARTS", {"first": FAILS, "missing": ("no-such-program",), "last": PASSES})
    assert run.main([]) == 1
    output, summary = capsys.readouterr().out.split("===== summary\n")
    assert "2 passed in 0.10s\n" in output
    assert re.fullmatch(r"\s*first\s+\d+ s\s+exit status 1\s*", summary.splitlines()[0])
    assert summary.splitlines()[1].strip() == "FAILED tests/unit/test_a.py::test_b - assert 1 == 2"
    assert "exit status 127" in summary.splitlines()[2]
    assert re.fullmatch(r"\s*last\s+\d+ s\s+passed\s*", summary.splitlines()[-1])


def test_parts_without_failure_return_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "PARTS", {"first": FAILS, "last": PASSES})
    assert run.main(["last"]) == 0


def test_an_unknown_part_is_rejected(capsys: pytest.CaptureFixture[str]) -> None:
    assert run.main(["nonsense"]) == 2
    assert "unknown: nonsense" in capsys.readouterr().err
