"""A failed part of `make test` does not prevent the others, and the summary names each failed test."""

import sys
from pathlib import Path

import pytest

from tests import run


@pytest.fixture(autouse=True)
def normal_priority(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other tests occupy the processor. A process of idle priority would wait for their end."""
    monkeypatch.setattr(run, "IDLE", ())


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
    assert [path for path in (*run.ANSWERS, *run.ALONE, *run.LIVE) if not (run.ROOT / path).exists()] == []


def test_each_end_to_end_test_is_in_one_part() -> None:
    chosen = [path for part in ("e2e-answers", "e2e-live", "e2e-alone") for path in run.PARTS[part]]
    parts = {file: [path for path in chosen if file.startswith(path)] for file in run.FILES}
    assert {file: paths for file, paths in parts.items() if len(paths) != 1} == {}


MEET = "import os, sys, time\nopen(sys.argv[1], 'w').close()\nwhile not os.path.exists(sys.argv[2]): time.sleep(0.01)"


def meeting(tmp_path: Path, *names: str) -> dict[str, tuple[str, ...]]:
    """Two parts. Each ends after the other has started."""
    paths = [str(tmp_path / name) for name in names]
    return {name: (sys.executable, "-c", MEET, *order) for name, order in zip(names, (paths, paths[::-1]), strict=True)}


@pytest.mark.parametrize("names", [("types", "unit"), ("lint", "e2e-alone")])
def test_checks_run_next_to_tests(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, names: tuple[str, str]
) -> None:
    monkeypatch.setattr(run, "PARTS", {"page": printing("first"), **meeting(tmp_path, *names), "docs": printing("x")})
    assert run.main([]) == 0
    summary = capsys.readouterr().out.partition("===== summary")[2].split()
    assert [name for name in summary if name in run.PARTS] == ["page", *names, "docs"]


@pytest.mark.skipif(sys.platform == "win32", reason="there is no wait4")
def test_the_processor_time_of_a_part_contains_that_of_its_children(monkeypatch: pytest.MonkeyPatch) -> None:
    busy = "import time\nwhile time.process_time() < 0.3: pass"
    child = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {busy!r}])"
    monkeypatch.setattr(run, "PARTS", {"busy": (sys.executable, "-c", child)})
    result = run.run("busy")
    assert 0.3 <= result.cpu_s < 3
    assert f" {result.cpu_s:.0f} CPU s  passed" in str(result)


def test_a_part_may_print_bytes_that_are_no_text(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code = r"import sys; sys.stdout.buffer.write(b'caf\xe9, caf\xc3\xa9\n')"
    monkeypatch.setattr(run, "PARTS", {"unit": (sys.executable, "-c", code), "frontend": printing("the next part")})
    assert run.main([]) == 0
    output = capsys.readouterr().out
    assert "caf\ufffd, café\n" in output
    assert "the next part\n" in output


def test_only_parts_in_the_background_have_another_priority(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(run, "IDLE", ("env", "PRIORITY=idle"))
    command = (sys.executable, "-c", "import os; print(os.environ.get('PRIORITY', 'normal'), 'priority')")
    monkeypatch.setattr(run, "PARTS", {"types": command, "e2e-live": command, "unit": command})
    assert run.main([]) == 0
    output = capsys.readouterr().out
    assert (output.count("idle priority\n"), output.count("normal priority\n")) == (1, 2)


def test_the_optional_part_runs_if_it_is_named_or_with_all(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(run, "PARTS", {"unit": printing("x"), "lowest": printing("y")})
    assert [run.main(names) for names in ([], ["all"], ["lowest"], ["nonsense"])] == [0, 0, 0, 2]
    printed = capsys.readouterr()
    ran = [line.split()[1] for line in printed.out.splitlines() if line.startswith("===== ") and "summary" not in line]
    assert ran.count("unit:") == 2
    assert ran.count("lowest:") == 2
    assert "unknown: nonsense. Use: unit, lowest, all" in printed.err
