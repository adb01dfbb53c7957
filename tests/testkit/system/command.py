"""Runs the `nova` command in its own process, as a user does."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

NOVA = (sys.executable, "-c", "from backend.cli.main import main; main()")
READY = re.compile(r"Nova Voice is ready: (http://\S+)")


def nova(
    *arguments: str | Path, environment: Mapping[str, str] | None = None, timeout_s: float = 120
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, with stdout and stderr captured separately."""
    return subprocess.run(
        [*NOVA, *map(str, arguments)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=timeout_s,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "PYTHONUTF8": "1", **(environment or {})},
        check=False,
    )


@contextmanager
def nova_up(*options: str, **environment: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """`nova up`, running, and the address it printed."""
    process = subprocess.Popen(
        [*NOVA, "up", *options],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert process.stdout is not None
        said = ""
        for line in process.stdout:
            said += line
            if found := READY.search(line):
                yield process, found.group(1)
                return
        raise AssertionError(f"it ended without being ready:\n{said}")
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        if process.stdout:
            process.stdout.close()
