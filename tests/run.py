"""Runs all checks and tests, also after a failure, and lists the failures at the end: `make test`.

`python tests/run.py NAME...` runs only these parts, and `all` also those that are not run by default. Checks that are
no tests run at idle priority next to the tests.

The file uses only the standard library, because a broken environment should fail as one part and not hide the others.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from subprocess import PIPE, STDOUT

ROOT = Path(__file__).parents[1]
PYTEST = (sys.executable, "-m", "pytest")
PARALLEL = ("-n", "auto", "--dist", "loadfile")
# Workers take the files in the order of the command, in which the longest files are first.
BY_FILE = ("--dist", "loadfile", "--no-loadscope-reorder", "--durations", "20")
# End-to-end tests that compare what a system answers, however long it takes. Most of them occupy the processor.
ANSWERS = (
    "tests/e2e/docs",
    "tests/e2e/models/test_accuracy.py",
    "tests/e2e/models/test_recognizer.py",
    "tests/e2e/models/test_translation_engines.py",
    "tests/e2e/test_packages.py",
    "tests/e2e/bench/test_gpu_bench.py",
    "tests/e2e/apis/test_openai.py",
    "tests/e2e/test_transcribe.py",
    "tests/e2e/apis/test_javascript_sdks.py",
    "tests/e2e/apis/test_deepgram.py",
    "tests/e2e/models/test_prompts.py",
    "tests/e2e/models/test_repetitions.py",
    "tests/e2e/models/test_routes.py",
    "tests/e2e/apis/test_soniox.py",
    "tests/e2e/test_bad_input.py",
    "tests/e2e/test_calibrate.py",
    "tests/e2e/test_js_client.py",
    "tests/e2e/bench/test_random_whisper.py",
    "tests/e2e/test_dependency_audit.py",
)
# End-to-end tests that measure times which another test would change, or type into the window with the focus. Only
# processes of idle priority run next to them.
ALONE = (
    "tests/e2e/bench/test_timed_bench.py",
    "tests/e2e/chaos/test_attacks.py",
    "tests/e2e/chaos/test_overload.py",
    "tests/e2e/chaos/test_slow_clients.py",
    "tests/e2e/chaos/test_storm.py",
    "tests/e2e/desktop/test_shell.py",
    "tests/e2e/models/test_stability.py",
    "tests/e2e/test_admission.py",
)
# All other end-to-end tests speak in real time, wait for timeouts and kill their own processes. Two workers occupy
# about two thirds of two cores; more delay what the tests wait for.
LONG = (
    "tests/e2e/bench/test_bench.py",
    "tests/e2e/test_finding_systems.py",
    "tests/e2e/desktop/test_desktop.py",
    "tests/e2e/desktop/test_page.py",
    "tests/e2e/live/test_pauses.py",
    "tests/e2e/apis/test_doors.py",
)
FILES = sorted(str(file.relative_to(ROOT)) for file in (ROOT / "tests/e2e").rglob("test_*.py"))
LIVE = (*LONG, *(file for file in FILES if not file.startswith((*ANSWERS, *ALONE, *LONG))))
# The timeout of a test that measures no times ends only one that hangs.
WAITS = ("-o", "timeout=300")
PARTS: dict[str, tuple[str, ...]] = {
    "page": ("make", "page"),
    "types": ("make", "types"),
    "docs": ("make", "docs-build"),
    "lint": ("make", "lint"),
    "frontend": ("make", "test-frontend"),
    "unit": (*PYTEST, *PARALLEL, "tests/unit", "tests/contract"),
    "integration": (*PYTEST, *PARALLEL, "tests/integration", "tests/infra"),
    "e2e-answers": (*PYTEST, *WAITS, "-n", "2", *BY_FILE, *ANSWERS),
    "e2e-live": (*PYTEST, "-n", "2", *BY_FILE, *LIVE),
    "e2e-alone": (*PYTEST, "--durations", "20", *ALONE),
    "lowest": ("make", "test-lowest"),
}
# Not among the parts that run by default, because it installs a second environment. `all` contains it.
OPTIONAL, ALL = ("lowest",), "all"
# These run in this order next to the others, and each prints its output when it ends. Tests do not: some have timeouts
# of seconds, and Linux schedules their processes, which have sessions of their own, as groups of equal weight.
IN_BACKGROUND = ("types", "docs", "lint")
# A program that starts with this uses the processor while no other needs it.
IDLE = ("chrt", "--idle", "0") if shutil.which("chrt") else ("nice", "-n", "19")
# Lines of pytest and of vitest.
FAILURE = re.compile(r"(?:FAILED|ERROR) tests/\S+.*|\s*FAIL\s+\S+\.test\.\S+.*")


@dataclass(frozen=True, slots=True)
class Result:
    """One part: its exit status, duration, time on all processors, and the tests that failed."""

    name: str
    status: int
    seconds: float = 0.0
    cpu_s: float = 0.0
    failures: tuple[str, ...] = ()

    def __str__(self) -> str:
        verdict = f"exit status {self.status}" if self.status else "passed"
        return "\n    ".join(
            [f"{self.name:12} {self.seconds:6.0f} s {self.cpu_s:6.0f} CPU s  {verdict}", *self.failures]
        )


def show(text: str) -> None:
    print(text, end="", flush=True)


def run(name: str, write: Callable[[str], None] = show) -> Result:
    """Run one part and write its output as it comes."""
    command, began = (*(IDLE if name in IN_BACKGROUND else ()), *PARTS[name]), time.monotonic()
    write(f"\n===== {name}: {' '.join(command)}\n")
    with tempfile.TemporaryDirectory(prefix=f"{name}-", ignore_cleanup_errors=True) as folder:
        environment = environment_of(name, folder)
        try:
            process = subprocess.Popen(
                command, cwd=ROOT, env=environment, stdout=PIPE, stderr=STDOUT, encoding="utf-8", errors="replace"
            )
        except OSError as error:
            return Result(name, 127, failures=(str(error),))
        with process:
            failures = write_output(process, write)
            cpu_s = wait(process)
    return Result(name, process.returncode, time.monotonic() - began, cpu_s, failures)


def write_output(process: "subprocess.Popen[str]", write: Callable[[str], None]) -> tuple[str, ...]:
    """Write the lines that a process prints, until it ends. Returns those that name a failed test."""
    assert process.stdout
    failures: list[str] = []
    for line in process.stdout:
        write(line)
        failures += [line.strip()] if FAILURE.match(line) else []
    return tuple(failures)


def wait(process: "subprocess.Popen[str]") -> float:
    """Wait for the end of a process, and set its exit status. Returns the CPU time of it and its descendants."""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return usage.ru_utime + usage.ru_stime


def environment_of(name: str, temporary: str) -> dict[str, str]:
    """The environment of a part: its own logs and temporary files. Commands find running systems in the latter."""
    artifacts = Path(os.environ.get("NOVA_ARTIFACTS", ROOT / "artifacts"))
    return {**os.environ, "NOVA_ARTIFACTS": str(artifacts / name), "TMPDIR": temporary}


def run_quietly(name: str) -> Result:
    """Run one part and print its output at the end."""
    lines: list[str] = []
    result = run(name, lines.append)
    show("".join(lines))
    return result


def run_all(names: Sequence[str]) -> list[Result]:
    """Run parts, in two rows at the same time. Returns the results in the order of `names`."""
    page = [run(name) for name in names if name == "page"]  # which tests of both rows need
    with ThreadPoolExecutor(1) as thread:
        background = thread.map(run_quietly, [name for name in names if name in IN_BACKGROUND])
        others = [run(name) for name in names if name not in ("page", *IN_BACKGROUND)]
        return sorted([*page, *background, *others], key=lambda result: names.index(result.name))


def main(names: Sequence[str]) -> int:
    """Run parts, by default all that are not optional. Returns 1 if one of them failed."""
    if unknown := [name for name in names if name not in (*PARTS, ALL)]:
        print(f"unknown: {', '.join(unknown)}. Use: {', '.join((*PARTS, ALL))}", file=sys.stderr)
        return 2
    chosen = [name for name in PARTS if name in names or ALL in names or not (names or name in OPTIONAL)]
    results = run_all(chosen)
    print("\n===== summary", *results, sep="\n", flush=True)
    return int(any(result.status for result in results))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
