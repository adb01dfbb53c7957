"""Runs all checks and tests, also after a failure, and lists the failures at the end: `make test`.

`python tests/run.py NAME...` runs only these parts. It uses only the standard library, because a broken environment
should fail as one part and not hide the others.
"""

import re
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
PYTEST = (sys.executable, "-m", "pytest")
PARALLEL = ("-n", "auto", "--dist", "loadfile")
# End-to-end tests that compare what a system answers, however long it takes. Two of them run at the same time.
TWO_AT_A_TIME = (
    "tests/e2e/models",
    "tests/e2e/apis/test_deepgram.py",
    "tests/e2e/apis/test_javascript_sdks.py",
    "tests/e2e/apis/test_limits.py",
    "tests/e2e/apis/test_openai.py",
    "tests/e2e/apis/test_soniox.py",
    "tests/e2e/bench/test_gpu_bench.py",
    "tests/e2e/bench/test_random_whisper.py",
    "tests/e2e/docs",
    "tests/e2e/test_bad_input.py",
    "tests/e2e/test_calibrate.py",
    "tests/e2e/test_dependency_audit.py",
    "tests/e2e/test_packages.py",
    "tests/e2e/test_transcribe.py",
)
# Unit and integration tests run in parallel. The other end-to-end tests measure latencies, kill processes or need the
# keyboard focus, so they run alone. Their durations are printed, because they take most of the time.
PARTS: dict[str, tuple[str, ...]] = {
    "page": ("make", "page"),
    "lint": ("make", "lint"),
    "types": ("make", "types"),
    "docs": ("make", "docs-build"),
    "unit": (*PYTEST, *PARALLEL, "tests/unit", "tests/contract"),
    "integration": (*PYTEST, *PARALLEL, "tests/integration", "tests/infra"),
    "e2e-answers": (*PYTEST, "-n", "2", "--dist", "loadfile", "--durations", "20", *TWO_AT_A_TIME),
    "e2e": (*PYTEST, "--durations", "40", "tests/e2e", *(f"--ignore={path}" for path in TWO_AT_A_TIME)),
    "frontend": ("make", "test-frontend"),
}
# Lines of pytest and of vitest.
FAILURE = re.compile(r"(?:FAILED|ERROR) tests/\S+.*|\s*FAIL\s+\S+\.test\.\S+.*")


@dataclass(frozen=True, slots=True)
class Result:
    """One part: its exit status, duration, and the tests that failed."""

    name: str
    status: int
    seconds: float
    failures: tuple[str, ...]

    def __str__(self) -> str:
        verdict = f"exit status {self.status}" if self.status else "passed"
        return "\n    ".join([f"{self.name:12} {self.seconds:6.0f} s  {verdict}", *self.failures])


def run(name: str, command: Sequence[str]) -> Result:
    """Run one part and print its output as it comes."""
    print(f"\n===== {name}: {' '.join(command)}", flush=True)
    began = time.monotonic()
    failures: list[str] = []
    try:
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    except OSError as error:
        return Result(name, 127, 0.0, (str(error),))
    with process:
        assert process.stdout
        for line in process.stdout:
            print(line, end="", flush=True)
            failures += [line.strip()] if FAILURE.match(line) else []
    return Result(name, process.returncode, time.monotonic() - began, tuple(failures))


def main(names: Sequence[str]) -> int:
    """Run parts, by default all. Returns 1 if one of them failed."""
    if unknown := [name for name in names if name not in PARTS]:
        print(f"unknown: {', '.join(unknown)}. Use: {', '.join(PARTS)}", file=sys.stderr)
        return 2
    results = [run(name, PARTS[name]) for name in names or PARTS]
    print("\n===== summary", *results, sep="\n", flush=True)
    return int(any(result.status for result in results))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
