"""The desktop client on a virtual screen: an X server, Electron, and another program's window."""

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
POLL_S = 0.05


async def until(look: Callable[[], Awaitable[Any]], seconds: float = READY_S) -> Any:
    """Poll until the result is true, and return it. Raises TimeoutError."""
    async with asyncio.timeout(seconds):
        while True:
            if found := await look():
                return found
            await asyncio.sleep(POLL_S)


@dataclass(frozen=True)
class Screen:
    """An X server of 1280 x 800 with a window manager, a compositor and a tray."""

    display: str

    @property
    def environment(self) -> dict[str, str]:
        """Environment variables for programs on this screen."""
        rest = {name: value for name, value in os.environ.items() if name != "WAYLAND_DISPLAY"}
        return {**rest, "DISPLAY": self.display, "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"}

    async def run(self, *command: str) -> str:
        """The output of a program that succeeds."""
        process = await asyncio.create_subprocess_exec(
            *command, env=self.environment, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE
        )
        output, _ = await process.communicate()
        assert process.returncode == 0, command
        return output.decode()

    async def copy(self, text: str, kind: str = "UTF8_STRING", board: str = "clipboard") -> None:
        """Let another program put text on the clipboard."""
        command = f"xclip -quiet -selection {board} -target {shlex.quote(kind)} >/dev/null 2>&1 &"
        await self.run("sh", "-c", f"printf %s {shlex.quote(text)} | {command}")
        await until(lambda: self._holds(text, kind, board))

    async def _holds(self, text: str, kind: str, board: str) -> bool:
        return await self.copied(kind, board) == text

    async def copied(self, kind: str = "UTF8_STRING", board: str = "clipboard") -> str:
        """The content of the clipboard, empty if there is none."""
        command = f"xclip -out -selection {board} -target {shlex.quote(kind)} 2>/dev/null || true"
        return await self.run("sh", "-c", command)


@contextlib.asynccontextmanager
async def open_screen() -> AsyncIterator[Screen]:
    """Run a screen until the end of the context."""
    reader, writer = os.pipe()
    async with _program(
        "Xvfb", "-displayfd", str(writer), "-screen", "0", "1280x800x24", "-nolisten", "tcp", pass_fds=(writer,)
    ):
        os.close(writer)
        with os.fdopen(reader) as output:
            number = await asyncio.to_thread(output.readline)
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
    """An xterm with the focus, that writes each byte of its input to a file."""

    screen: Screen
    window: str
    file: Path

    def text(self) -> str:
        """The text typed so far."""
        return self.file.read_bytes().decode()

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait until a condition on the text holds."""
        await until(lambda: asyncio.to_thread(holds), 5.0)

    async def shows(self, text: str) -> None:
        """Check that exactly this text is typed, and nothing more for a moment."""
        with contextlib.suppress(TimeoutError):
            await self.until(lambda: self.text() == text)
        await asyncio.sleep(4 * POLL_S)
        assert self.text() == text


@contextlib.asynccontextmanager
async def open_terminal(screen: Screen, file: Path, start: str = "") -> AsyncIterator[Terminal]:
    """Run an xterm with the focus. `start`: first output of the program in it, for example escape sequences."""
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


class PageReplacedError(AssertionError):
    """The page in which an expression was evaluated is gone, for example because it was loaded again."""


class DevTools:
    """A connection to a page or to Electron's main process by the Chrome DevTools Protocol."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._ids = itertools.count(1)

    async def value(self, expression: str) -> Any:
        """Evaluate a JavaScript expression and await a promise.

        Raises AssertionError if it throws, and PageReplacedError if the page is loaded again meanwhile.
        """
        request = next(self._ids)
        params = {"expression": expression, "awaitPromise": True, "returnByValue": True, "includeCommandLineAPI": True}
        await self._socket.send(json.dumps({"id": request, "method": "Runtime.evaluate", "params": params}))
        async for frame in self._socket:
            answer = json.loads(frame)
            if answer.get("id") == request:
                break
        if "context" in answer.get("error", {}).get("message", "").lower():
            raise PageReplacedError(answer["error"]["message"])
        assert "error" not in answer, answer
        result = answer["result"]
        if thrown := result.get("exceptionDetails"):
            raise AssertionError(thrown.get("exception", {}).get("description", thrown["text"]))
        return result["result"].get("value")

    async def until(self, expression: str) -> Any:
        """Evaluate an expression until its value is true, and return it."""

        async def look() -> Any:
            with contextlib.suppress(PageReplacedError):
                return await self.value(expression)

        return await until(look)


@dataclass
class Desktop:
    """The running desktop client."""

    pages_port: int
    main: DevTools  # Electron's main process; `electron` is the module
    connections: contextlib.AsyncExitStack

    async def page(self, name: str) -> DevTools:
        """Wait for a window: "index", "bubble" or "overlay"."""
        page = await _connect(self.connections, await until(lambda: self._address(name)))
        await page.until("typeof nova === 'object' && document.readyState === 'complete'")
        return page

    async def _address(self, name: str) -> str:
        async with httpx.AsyncClient() as http:
            targets = (await http.get(f"http://127.0.0.1:{self.pages_port}/json")).json()
        found = (str(each["webSocketDebuggerUrl"]) for each in targets if each["url"] == f"app://nova/{name}.html")
        return next(found, "")


@contextlib.asynccontextmanager
async def open_desktop(
    electron: Path, app: Path, screen: Screen, profile: Path, *more: str, environment: Mapping[str, str] | None = None
) -> AsyncIterator[Desktop]:
    """Run the desktop client with its settings in `profile`. Chromium as root only starts without a sandbox."""
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
    process, log = await _start(command, profile, env)
    async with _killed_at_the_end(process, _kill_group):
        inspector = await _find_in(log, r"Debugger listening on (ws://\S+)")
        pages = await _find_in(log, r"DevTools listening on ws://[\d.]+:(\d+)/")
        async with contextlib.AsyncExitStack() as connections:
            main = await _connect(connections, inspector)
            await main.value("globalThis.electron = process.mainModule.require('electron'), null")
            yield Desktop(int(pages), main, connections)
        process.terminate()
        await asyncio.wait_for(process.wait(), READY_S)


async def start_second_instance(electron: Path, app: Path, screen: Screen, profile: Path, *options: str) -> None:
    """Start the client a second time, as `nova-voice --toggle` does. It passes its options on and exits."""
    command = (str(electron), "--no-sandbox", str(app), f"--user-data-dir={profile}", *options)
    await asyncio.wait_for(screen.run(*command), READY_S)


async def _start(command: tuple[str, ...], profile: Path, env: Mapping[str, str]) -> tuple[Process, Path]:
    profile.mkdir(exist_ok=True)  # noqa: ASYNC240
    log = profile / "electron.log"
    with log.open("wb") as output:
        starting = asyncio.create_subprocess_exec(
            *command, stdout=output, stderr=output, env=env, start_new_session=True
        )
        return await starting, log


async def _connect(connections: contextlib.AsyncExitStack, url: str) -> DevTools:
    return DevTools(await connections.enter_async_context(connect(url, max_size=None, ping_interval=None)))


async def _find_in(log: Path, pattern: str) -> str:
    def find() -> str:
        match = re.search(pattern, log.read_text(errors="replace"))
        return match[1] if match else ""

    return str(await until(lambda: asyncio.to_thread(find)))


@contextlib.asynccontextmanager
async def _program(*command: str, **more: Any) -> AsyncIterator[None]:
    async with _killed_at_the_end(await asyncio.create_subprocess_exec(*command, **more)):
        yield


@contextlib.asynccontextmanager
async def _killed_at_the_end(process: Process, kill: Callable[[Process], None] = Process.kill) -> AsyncIterator[None]:
    """Kill a process at the end of the context, if it still runs."""
    try:
        yield
    finally:
        if process.returncode is None:
            kill(process)
        await process.wait()


def _kill_group(process: Process) -> None:
    """Kill a process and its children."""
    os.killpg(process.pid, signal.SIGKILL)
