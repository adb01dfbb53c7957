"""Run the unit and contract tests as other machines would: `python -m tests.machines`.

Each variation changes one thing that a test could depend on by mistake: the processor (as its libraries see it), the
number of cores, the load, the locale and the time zone, the user, what an earlier run left behind, and the version of
Python. Prints a table with the result of each, and all failures. Tests of real models run only if they are named.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import click

from tests.paths import ROOT
from tests.testkit import cli

DEFAULT_TESTS = ("tests/unit", "tests/contract")
BUSY = "while True: pass"
NOBODY = 65_534
SUMMARY = re.compile(r"(\d+) (passed|failed|errors?|skipped)")
FAILURE = re.compile(r"^(?:FAILED|ERROR) (tests/\S+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Variation:
    """A way to run the tests. `prefix` is put before the command; `neighbours` are processes that use a core each.

    `user` owns a clone, and runs the tests in it.
    """

    environment: Mapping[str, str] = field(default_factory=dict)
    prefix: tuple[str, ...] = ()
    workers: str = "auto"
    neighbours: int = 0
    user: int | None = None
    python: Path = Path(sys.executable)


def variations(pythons: Sequence[Path]) -> dict[str, Variation]:
    """All variations by name. `pythons` are interpreters of other versions, with the project installed."""
    found = {
        "as it is": Variation(),
        **{f"BLAS for {kind}": Variation({"OPENBLAS_CORETYPE": kind}) for kind in ("Haswell", "Zen", "Prescott")},
        "CTranslate2 without AVX": Variation({"CT2_FORCE_CPU_ISA": "GENERIC"}),
        "one core": Variation(prefix=("taskset", "--cpu-list", "0"), workers="1"),
        "two busy neighbours": Variation(neighbours=2),
        "time zone and locale": Variation({"TZ": "Pacific/Kiritimati", "LC_ALL": "C", "LANG": "C"}),
        "unprivileged user": Variation(prefix=_as_nobody(), user=NOBODY),
        "once more": Variation(),
    }
    for python in pythons:
        found[python.parent.parent.name] = Variation(python=python)
    return found


def _as_nobody() -> tuple[str, ...]:
    user = f"--reuid={NOBODY}", f"--regid={NOBODY}"
    return ("setpriv", *user, "--clear-groups", "env", "HOME=/nonexistent")


@contextmanager
def busy(count: int) -> Iterator[None]:
    """Keep this number of processes computing."""
    processes = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(count)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


@contextmanager
def checkout(user: int | None) -> Iterator[Path]:
    """The folder to run in: this one, or a clone of the last commit that belongs to `user`."""
    if user is None:
        yield ROOT
        return
    with tempfile.TemporaryDirectory(prefix="nova-") as name:
        os.chmod(name, 0o755)
        clone = Path(name) / "clone"
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
        subprocess.run(["chown", "--recursive", f"{user}:{user}", str(clone)], check=True)
        yield clone


def run(name: str, variation: Variation, tests: Sequence[str], logs: Path) -> tuple[cli.Row, list[str]]:
    """Run the tests once. Returns the row of the table, and the tests that failed."""
    options = ("-q", "-p", "no:cacheprovider", "-n", variation.workers, "--dist", "loadfile")
    command = [*variation.prefix, str(variation.python), "-m", "pytest", *options, *tests]
    began = time.monotonic()
    with checkout(variation.user) as folder, busy(variation.neighbours):
        # Programs that a test starts import the packages of this checkout, wherever the interpreter has them from.
        environment = {**os.environ, **variation.environment, "PYTHONPATH": str(folder)}
        done = subprocess.run(command, cwd=folder, env=environment, check=False, capture_output=True, text=True)
    output = done.stdout + done.stderr
    (logs / f"{name.replace(' ', '-')}.log").write_text(output, encoding="utf-8")
    counts = {kind.rstrip("s"): int(count) for count, kind in SUMMARY.findall(output[-2_000:])}
    row: cli.Row = {
        "run": name,
        "passed": counts.get("passed", 0),
        "failed": counts.get("failed", 0) + counts.get("error", 0),
        "skipped": counts.get("skipped", 0),
        "s": round(time.monotonic() - began),
        "exit status": done.returncode,
    }
    return row, FAILURE.findall(output)


@click.command()
@click.argument("tests", nargs=-1)
@click.option("--python", "pythons", type=cli.FILE, multiple=True, help="An interpreter of another version, in a venv.")
@click.option("--only", multiple=True, metavar="NAME", help="Run only this variation. May be repeated.")
@cli.json_option
def main(tests: tuple[str, ...], pythons: tuple[Path, ...], only: tuple[str, ...], json_file: Path | None) -> None:
    """Run the tests under each variation. Exits with 1 if any of them failed."""
    logs = ROOT / "artifacts" / "machines"
    logs.mkdir(parents=True, exist_ok=True)
    rows, failures, tell = [], [], cli.progress()
    for name, variation in variations(pythons).items():
        if only and name not in only:
            continue
        if variation.prefix and not shutil.which(variation.prefix[0]):
            tell(f"{name}: {variation.prefix[0]} is not installed")
            continue
        tell(name)
        row, failed = run(name, variation, tests or DEFAULT_TESTS, logs)
        rows.append(row)
        failures += [f"{name}: {test}" for test in failed]
    click.echo(cli.table(rows))
    for failure in failures:
        click.secho(failure, fg="red")
    cli.write_json(json_file, rows=rows, failures=failures)
    sys.exit(any(row["exit status"] for row in rows))


if __name__ == "__main__":
    main()
