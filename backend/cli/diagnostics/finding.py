"""The result of a check, and how checks run programs that may crash or hang."""

import subprocess
import sys
from dataclasses import dataclass

PROGRAM_TIMEOUT_S = 60.0
NETWORK_TIMEOUT_S = 3.0


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of a check. The field names are those of `nova doctor --json`.

    `ok` is None for something that is absent and not required. `essential` means that nothing works without it.
    """

    name: str
    ok: bool | None
    found: str
    advice: str = ""
    essential: bool = False


def run_python(code: str) -> tuple[bool, str]:
    """Run Python code in a process of its own. Returns whether it succeeded, and its output or error."""
    return run_program(sys.executable, "-c", code)


def run_program(*command: str) -> tuple[bool, str]:
    """Run a program. Returns whether it succeeded, and its output or the last line of its error."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PROGRAM_TIMEOUT_S, errors="replace")
    except subprocess.TimeoutExpired:
        return False, f"no answer within {PROGRAM_TIMEOUT_S:g} s"
    except OSError as error:
        return False, error.strerror or str(error)
    if done.returncode == 0:
        return True, "; ".join(done.stdout.strip().splitlines())
    error_lines = (done.stderr or done.stdout).strip().splitlines()
    return False, error_lines[-1] if error_lines else f"exit status {done.returncode}"
