"""The desktop shell on a screen that nobody sees: an X server, Electron, another program's window."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import re
import shlex
import signal
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect

TOOLS = ("Xvfb", "openbox", "xcompmgr", "trayer", "xterm", "xdotool", "xclip", "xwininfo")
READY_S = 20.0
LOOK_EVERY_S = 0.05


async def until(look: Callable[[], Awaitable[Any]], seconds: float = READY_S) -> Any:
    """What someone sees who looks again and again until it is something; TimeoutError if it never is."""
    async with asyncio.timeout(seconds):
        while True:
            if seen := await look():
                return seen
            await asyncio.sleep(LOOK_EVERY_S)


@dataclass(frozen=True)
class Screen:
    """An X server of our own, 1280 x 800, with what makes a desktop: a window manager, a compositor, a tray."""

    display: str

    @property
    def environment(self) -> dict[str, str]:
        """For programs that are to show themselves there."""
        rest = {name: value for name, value in os.environ.items() if name != "WAYLAND_DISPLAY"}
        return {**rest, "DISPLAY": self.display, "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"}

    async def run(self, *command: str) -> str:
        """What a program says; it must succeed."""
        process = await asyncio.create_subprocess_exec(
            *command, env=self.environment, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE
        )
        output, _ = await process.communicate()
        assert process.returncode == 0, command
        return output.decode()

    async def copy(self, text: str, kind: str = "UTF8_STRING", board: str = "clipboard") -> None:
        """Have another program put something on the clipboard; it keeps it for whoever asks."""
        command = f"xclip -quiet -selection {board} -target {shlex.quote(kind)} >/dev/null 2>&1 &"
        await self.run("sh", "-c", f"printf %s {shlex.quote(text)} | {command}")
        await until(lambda: self._holds(text, kind, board))

    async def _holds(self, text: str, kind: str, board: str) -> bool:
        return await self.copied(kind, board) == text

    async def copied(self, kind: str = "UTF8_STRING", board: str = "clipboard") -> str:
        """What a program gets that pastes now; "" for nothing."""
        command = f"xclip -out -selection {board} -target {shlex.quote(kind)} 2>/dev/null || true"
        return await self.run("sh", "-c", command)


@contextlib.asynccontextmanager
async def a_screen() -> AsyncIterator[Screen]:
    """An X server until the end."""
    reader, writer = os.pipe()
    async with _program(
        "Xvfb", "-displayfd", str(writer), "-screen", "0", "1280x800x24", "-nolisten", "tcp", pass_fds=(writer,)
    ):
        os.close(writer)
        with os.fdopen(reader) as said:
            number = await asyncio.to_thread(said.readline)
        screen = Screen(f":{number.strip()}")
        async with contextlib.AsyncExitStack() as programs:
            for command in ("openbox", "xcompmgr", "trayer --edge top --align right --width 20 --height 32"):
                quiet = {
                    "stdout": asyncio.subprocess.DEVNULL,
                    "stderr": asyncio.subprocess.DEVNULL,
                    "env": screen.environment,
                }
                await programs.enter_async_context(_program(*command.split(), **quiet))
            await screen.run("xdotool", "search", "--sync", "--class", "trayer")
            yield screen


@dataclass(frozen=True)
class Terminal:
    """Another program's window, which has the focus: an xterm that writes every byte it is given into a file."""

    screen: Screen
    window: str
    file: Path

    def text(self) -> str:
        """All that has been typed."""
        return self.file.read_bytes().decode()

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait for something about the text."""
        await until(lambda: asyncio.to_thread(holds), 5.0)

    async def shows(self, text: str) -> None:
        """Wait until just this has been typed, and no more for a moment."""
        with contextlib.suppress(TimeoutError):
            await self.until(lambda: self.text() == text)
        await asyncio.sleep(4 * LOOK_EVERY_S)
        assert self.text() == text


@contextlib.asynccontextmanager
async def a_terminal(screen: Screen, file: Path, start: str = "") -> AsyncIterator[Terminal]:
    """An xterm that has the focus. `start`: what the program in it prints first, escape sequences among it."""
    await asyncio.to_thread(file.write_bytes, b"")
    inside = f"stty raw -echo; printf {shlex.quote(start)}; exec cat > {shlex.quote(str(file))}"
    async with _program(
        "xterm",
        "-u8",
        "-geometry",
        "100x30+0+400",
        "-T",
        file.stem,
        "-e",
        "sh",
        "-c",
        inside,
        stderr=asyncio.subprocess.DEVNULL,
        env=screen.environment,
    ):
        search = ("xdotool", "search", "--sync", "--onlyvisible", "--name", f"^{re.escape(file.stem)}$")
        window = (await screen.run(*search)).split()[0]
        await screen.run("xdotool", "windowfocus", "--sync", window)
        yield Terminal(screen, window, file)


class Line:
    """Into a page, or into Electron's main process: the Chrome DevTools Protocol, of which we evaluate expressions."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._ids = itertools.count(1)

    async def value(self, expression: str) -> Any:
        """Of a JavaScript expression; of a promise, what it resolves to. AssertionError for one that throws."""
        wanted = next(self._ids)
        params = {"expression": expression, "awaitPromise": True, "returnByValue": True, "includeCommandLineAPI": True}
        await self._socket.send(json.dumps({"id": wanted, "method": "Runtime.evaluate", "params": params}))
        async for frame in self._socket:
            answer = json.loads(frame)
            if answer.get("id") == wanted:
                break
        assert "error" not in answer, answer
        result = answer["result"]
        if thrown := result.get("exceptionDetails"):
            raise AssertionError(thrown.get("exception", {}).get("description", thrown["text"]))
        return result["result"].get("value")

    async def until(self, expression: str) -> Any:
        """Its value, once that is true."""
        return await until(lambda: self.value(expression))


@dataclass
class Desktop:
    """The shell, running."""

    pages_port: int
    main: Line
    """Electron's main process; `electron` stands for the module."""
    lines: contextlib.AsyncExitStack

    async def page(self, name: str) -> Line:
        """A window, once it is there: "index", "bubble" or "overlay"."""
        line = await _line(self.lines, await until(lambda: self._address(name)))
        await line.until("typeof nova === 'object' && document.readyState === 'complete'")
        return line

    async def _address(self, name: str) -> str:
        async with httpx.AsyncClient() as http:
            targets = (await http.get(f"http://127.0.0.1:{self.pages_port}/json")).json()
        found = (str(each["webSocketDebuggerUrl"]) for each in targets if each["url"] == f"app://nova/{name}.html")
        return next(found, "")


@contextlib.asynccontextmanager
async def a_desktop(
    electron: Path, app: Path, screen: Screen, profile: Path, *more: str, environment: Mapping[str, str] | None = None
) -> AsyncIterator[Desktop]:
    """The shell on a screen, its settings in `profile`. As root Chromium wants no sandbox; the pages ask for one."""
    command = (
        str(electron),
        "--no-sandbox",
        "--disable-gpu",
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        "--remote-debugging-port=0",
        "--inspect=0",
        *more,
        str(app),
        f"--user-data-dir={profile}",
    )
    env = {**screen.environment, "XDG_CONFIG_HOME": str(profile / "config"), **(environment or {})}
    process, log = await _started(command, profile, env)
    async with _until_the_end(process, _kill_all):
        inspector = await _said(log, r"Debugger listening on (ws://\S+)")
        pages = await _said(log, r"DevTools listening on ws://[\d.]+:(\d+)/")
        async with contextlib.AsyncExitStack() as lines:
            main = await _line(lines, inspector)
            await main.value("globalThis.electron = process.mainModule.require('electron'), null")
            yield Desktop(int(pages), main, lines)
        process.terminate()
        await asyncio.wait_for(process.wait(), READY_S)


async def say_again(electron: Path, app: Path, screen: Screen, profile: Path, *given: str) -> None:
    """Start the program a second time, as `nova-voice --toggle` does; it ends by itself."""
    command = (str(electron), "--no-sandbox", str(app), f"--user-data-dir={profile}", *given)
    await asyncio.wait_for(screen.run(*command), READY_S)


async def _started(command: tuple[str, ...], profile: Path, env: Mapping[str, str]) -> tuple[Process, Path]:
    profile.mkdir(exist_ok=True)  # noqa: ASYNC240
    log = profile / "electron.log"
    with log.open("wb") as said:
        started = asyncio.create_subprocess_exec(*command, stdout=said, stderr=said, env=env, start_new_session=True)
        return await started, log


async def _line(lines: contextlib.AsyncExitStack, url: str) -> Line:
    return Line(await lines.enter_async_context(connect(url, max_size=None, ping_interval=None)))


async def _said(log: Path, pattern: str) -> str:
    def found() -> str:
        said = re.search(pattern, log.read_text(errors="replace"))
        return said[1] if said else ""

    return str(await until(lambda: asyncio.to_thread(found)))


@contextlib.asynccontextmanager
async def _program(*command: str, **more: Any) -> AsyncIterator[None]:
    async with _until_the_end(await asyncio.create_subprocess_exec(*command, **more)):
        yield


@contextlib.asynccontextmanager
async def _until_the_end(process: Process, kill: Callable[[Process], None] = Process.kill) -> AsyncIterator[None]:
    """Ours, or the process's own."""
    try:
        yield
    finally:
        if process.returncode is None:
            kill(process)
        await process.wait()


def _kill_all(process: Process) -> None:
    """With those that it started."""
    os.killpg(process.pid, signal.SIGKILL)
