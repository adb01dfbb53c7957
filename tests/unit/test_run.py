"""A failed part of `make test` does not prevent the others, and the summary names each failed test."""

import sys

import pytest

from tests import run


def printing(text: str, status: int = 0) -> tuple[str, ...]:
    return sys.executable, "-c", f"import sys; print({text!r}); sys.exit({status})"


def test_all_parts_run_and_the_summary_names_all_failures(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    parts = {
        "unit": printing("FAILED tests/unit/test_a.py::test_b - AssertionError", 1),
        "frontend": printing(" FAIL  src/page.test.ts > page > opens", 1),
        "absent": ("/no/such/command",),
        "e2e": printing("3 passed"),
    }
    monkeypatch.setattr(run, "PARTS", parts)
    assert run.main([]) == 1
    output, _, summary = capsys.readouterr().out.partition("===== summary")
    assert "3 passed" in output
    lines = [line.split() for line in summary.strip().splitlines()]
    assert [line[0] for line in lines] == ["unit", "FAILED", "frontend", "FAIL", "absent", "[Errno", "e2e"]
    assert "tests/unit/test_a.py::test_b" in summary
    assert "src/page.test.ts > page > opens" in summary


def test_the_status_is_zero_only_if_all_parts_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "PARTS", {"good": printing("x"), "bad": printing("x", 3)})
    assert (run.main(["good"]), run.main(["bad"]), run.main(["other"])) == (0, 1, 2)


def test_every_path_that_is_run_separately_exists() -> None:
    """pytest ignores nothing if a path in `--ignore` is wrong, and would run these tests twice."""
    assert [path for path in (*run.ANSWERS, *run.ALONE, *run.LIVE) if not (run.ROOT / path).exists()] == []
