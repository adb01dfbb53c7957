"""Runs a command in a terminal, because some commands print less, or later, to a pipe."""

import os
import pty
import re
import select
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

TIMEOUT_S = 30.0


def interrupted(command: str, folder: Path, environment: Mapping[str, str], until: str) -> tuple[int, str]:
    """Run a command until its output matches, press Ctrl-C, and return its exit status and its output.

    Raises AssertionError if it does not match in time.
    """
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        ["bash", "-c", f"exec {command}"],
        cwd=folder,
        env={**environment, "TERM": "xterm"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    try:
        output = _read_until(ours, until)
        process.send_signal(signal.SIGINT)
        return process.wait(TIMEOUT_S), output
    finally:
        process.kill()
        process.wait()
        os.close(ours)


def _read_until(terminal: int, until: str) -> str:
    output, give_up = "", time.monotonic() + TIMEOUT_S
    while not re.search(until, output):
        readable, _, _ = select.select([terminal], [], [], max(0.0, give_up - time.monotonic()))
        assert readable, f"nothing that matches {until!r} was printed in time:\n{output}"
        output += os.read(terminal, 65_536).decode("utf-8", "replace")
    return output
