"""A user who follows the documentation: a shell in a new folder that runs the steps of pages."""

import contextlib
import os
import re
import shlex
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.testkit.docs.terminal import interrupted
from tests.testkit.docs.treatments import Fragment, NotCommands, NotRun, Run, Saved, Shown, Step

COMMAND_TIMEOUT_S = 120.0
START_TIMEOUT_S = 180.0
# Runs a file whose code may contain `await` outside a function, as in the examples of a page.
RUN_PYTHON = """
import ast, asyncio, inspect, sys
code = compile(open(sys.argv[1]).read(), sys.argv[1], "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
result = eval(code, {"__name__": "__main__"})
if inspect.iscoroutine(result):
    asyncio.run(result)
"""


def words(text: str) -> list[str]:
    """Words in lower case, without punctuation and the numbers of subtitles."""
    return re.findall(r"[^\W\d_]+", text.lower())


def says(output: str, spoken: str) -> bool:
    """Whether at least half of the spoken words are in the output."""
    expected, found = words(spoken), set(words(output))
    return 2 * sum(word in found for word in expected) >= len(expected)


@dataclass(slots=True)
class Newcomer:
    """A shell. `folder` is the working directory, which `cd` changes.

    `replaced` holds texts of all pages that a test must replace, such as the port. `spoken`: the words of the
    recordings.
    """

    folder: Path
    environment: Mapping[str, str]
    replaced: Mapping[str, str]
    spoken: str
    output: str = ""
    _ran: set[str] = field(default_factory=set)

    def follow(self, steps: list[Step], folder: Path) -> None:
        """Do the steps of a page in `folder`. Raises AssertionError with the step that does not work."""
        self.folder = folder
        programs = {step.name: step for step in steps}
        for step in steps:
            try:
                self._do(step, programs)
            except (AssertionError, subprocess.TimeoutExpired) as error:
                raise AssertionError(f"{step.page}:{step.line}: {step.name}\n{error}") from None

    def _do(self, step: Step, programs: Mapping[str, Step]) -> None:
        match step.treatment:
            case Run():
                self._run_once(step.text, step.treatment)
            case Saved(name):
                (self.folder / name).write_text(self.adapt(step.text), encoding="utf-8")
            case Fragment():
                self._run_fragment(step, step.treatment, programs)
            case Shown():
                self.compare(self.adapt(step.text))
            case NotRun() | NotCommands():
                pass

    def adapt(self, text: str, replaced: Mapping[str, str] | None = None) -> str:
        """The text of a page with everything that a test replaces."""
        for old, new in {**(replaced or {}), **self.replaced}.items():
            text = text.replace(old, new)
        return text

    def _run_once(self, text: str, how: Run) -> None:
        """Run a command, unless an earlier page in the same folder contains it as well."""
        command = self.adapt(text, how.replaced)
        known = f"{self.folder}: {command}"
        if known not in self._ran:
            self._ran.add(known)
            self.run(command, how)

    def run(self, command: str, how: Run) -> None:
        """Run a command, and check its exit status and its output."""
        if how.endless:
            status, self.output = interrupted(command, self.folder, self.environment, how.prints)
        else:
            status = self._completed(command)
        self._check(status, how)

    def _completed(self, command: str) -> int:
        place = self.folder / ".folder"
        script = f"set -o pipefail\ntrap 'pwd > {place}' EXIT\n{command}"
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=self.folder,
            env=dict(self.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=COMMAND_TIMEOUT_S,
            check=False,
        )
        self.output, self.folder = done.stdout, Path(place.read_text().strip())
        place.unlink()
        return done.returncode

    @contextlib.contextmanager
    def started(self, command: str, until: str) -> Iterator[subprocess.Popen[str]]:
        """Start a command, wait until it has printed `until`, and press Ctrl-C at the end of the block."""
        process = subprocess.Popen(
            ["bash", "-c", f"exec {command}"],
            cwd=self.folder,
            env=dict(self.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        try:
            self.output = _read_until(process, until)
            yield process
            os.killpg(process.pid, signal.SIGINT)
            self.output += process.communicate(timeout=COMMAND_TIMEOUT_S)[0]
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()

    def _run_fragment(self, step: Step, how: Fragment, programs: Mapping[str, Step]) -> None:
        pieces = [_complete(programs[name]) for name in how.continues] + [_complete(step)]
        file = self.folder / f"fragment{'.py' if step.language == 'python' else '.mjs'}"
        file.write_text(self.adapt("\n".join(pieces)), encoding="utf-8")
        run = ["python", "-c", RUN_PYTHON] if step.language == "python" else ["node"]
        status = self._completed(shlex.join([*run, str(file)]))
        self._check(status, Run(says_clip=how.says_clip))

    def _check(self, status: int, how: Run) -> None:
        assert status == how.status, f"exit status {status}\n{self.output}"
        assert re.search(how.prints, self.output), f"no {how.prints!r} in\n{self.output}"
        assert not how.says_clip or says(self.output, self.spoken), f"not the spoken words:\n{self.output}"

    def compare(self, shown: str) -> None:
        """Raise AssertionError unless the last command has printed these lines."""
        printed = [line.strip() for line in self.output.splitlines()]
        for line in shown.splitlines():
            assert line.strip() in printed, f"this line was not printed: {line}\n{self.output}"


def _complete(step: Step) -> str:
    """A fragment with what the test provides. The blocks that it continues are not included."""
    how = step.treatment
    if not isinstance(how, Fragment):
        return step.text
    text = step.text
    for old, new in how.replaced.items():
        assert old in text, f"there is nothing to replace: {old}"
        text = text.replace(old, new)
    return f"{how.before}\n{text}\n{how.after}\n"


def _read_until(process: subprocess.Popen[str], until: str) -> str:
    """Read the output up to a line that matches. Raises AssertionError if it ends before, or takes too long."""
    assert process.stdout
    alarm = threading.Timer(START_TIMEOUT_S, process.kill)
    alarm.start()
    output = ""
    try:
        for line in process.stdout:
            output += line
            if re.search(until, output):
                return output
    finally:
        alarm.cancel()
    raise AssertionError(f"it ended without printing {until!r}:\n{output}")
