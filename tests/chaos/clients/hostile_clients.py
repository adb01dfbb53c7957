"""Hostile clients, and checks that the gateway refuses each as the documentation says."""

import asyncio
import contextlib
import json
import random
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from backend.local.discovery import stream_url
from tests.chaos.clients.message_fuzzer import SAMPLE_BYTES, Frame, MessageFuzzer
from tests.paths import ROOT

PROTOCOL = ROOT / "docs" / "reference" / "protocol.md"
MAX_CLOSE_S = 45.0  # from `stop` to the end of the connection
# Close codes without an `error` event: the client closed first (None), `done` (1000), a frame too large to read (1009).
SILENT_CLOSES = {None, 1000, 1009}


@dataclass(slots=True)
class Report:
    """Counts and problems of a run."""

    seed: int
    connections: Counter[str] = field(default_factory=Counter)  # by kind of client
    refusals: Counter[str] = field(default_factory=Counter)  # fatal errors, by code and close code
    finals: int = 0  # of honest clients
    hostile_finals: int = 0  # of hostile clients: shows how far they get
    memory_mb: list[float] = field(default_factory=list)  # of the gateway, before and after
    open_files: list[int] = field(default_factory=list)  # of the gateway, before and after
    wrong: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Received:
    """Events and close code of one connection."""

    events: list[dict[str, Any]] = field(default_factory=list)
    close_code: int | None = None

    @property
    def fatal(self) -> dict[str, Any] | None:
        """The fatal error, if there is one."""
        return next((event for event in self.events if event["type"] == "error" and event["fatal"]), None)


def documented() -> dict[str, set[int | None]]:
    """The documented close codes of each error code. None: the connection stays open."""
    codes: dict[str, set[int | None]] = {}
    for close_code, errors in re.findall(r"^\| (\d{4}|stays open) \| ([^|]*) \|", PROTOCOL.read_text(), re.MULTILINE):
        for code in re.findall(r"`(\w+)`", errors):
            codes.setdefault(code, set()).add(int(close_code) if close_code.isdecimal() else None)
    return codes


class HostileClients:
    """Hostile clients of one gateway. Each is determined by the seed and its number."""

    def __init__(self, http_url: str, recordings: dict[str, bytes], report: Report) -> None:
        self._url, self._recordings, self._report = stream_url(http_url), recordings, report
        self._host, port = http_url.removeprefix("http://").split(":")
        self._port = int(port)
        self._codes = documented()
        self.victims: list[str] = []  # sessions that no hostile client may take over
        self._kinds = {
            "random messages": self._send_random_messages,
            "broken audio": self._send_broken_audio,
            "takeover": self._take_over,
            "resume": self._resume_repeatedly,
            "raw bytes": self._send_raw_bytes,
        }

    async def attack(self, number: int) -> None:
        """Run one hostile client from its first byte to its last."""
        rng = random.Random(f"{self._report.seed} {number}")
        kind = rng.choices(list(self._kinds), (2, 2, 1, 1, 2))[0]
        self._report.connections[kind] += 1
        fuzzer = MessageFuzzer(rng, self._recordings)
        try:
            async with asyncio.timeout(MAX_CLOSE_S + 30):
                problems = await self._kinds[kind](rng, fuzzer)
            self._report.wrong += [f"hostile client {number} ({kind}): {problem}" for problem in problems]
        except* (OSError, InvalidHandshake) as errors:
            self._report.wrong.append(f"hostile client {number} ({kind}): not served: {errors.exceptions[0]!r}")

    # --- kinds of hostile clients; each returns the problems that it found

    async def _send_random_messages(self, rng: random.Random, fuzzer: MessageFuzzer) -> list[str]:
        """Any messages and audio in any order."""
        encoding = rng.choice(list(SAMPLE_BYTES))
        frames: list[Frame] = [fuzzer.start(encoding)] if rng.random() < 0.7 else []
        audio = fuzzer.audio(encoding)
        for _ in range(rng.randint(0, 25)):
            frames.append(fuzzer.any_message() if rng.random() < 0.3 else next(audio, b""))
        return self._judge(await self._converse(rng, frames))

    async def _send_broken_audio(self, rng: random.Random, fuzzer: MessageFuzzer) -> list[str]:
        encoding = rng.choice([*SAMPLE_BYTES, "webm", "ogg"])
        finalize = [fuzzer.message("Finalize")] * rng.randint(0, 3)
        frames: list[Frame] = [fuzzer.start(encoding), *fuzzer.audio(encoding), *finalize]
        return self._judge(await self._converse(rng, frames))

    async def _take_over(self, rng: random.Random, fuzzer: MessageFuzzer) -> list[str]:
        """Resume another client's session with a wrong token."""
        victim = rng.choice([*self.victims, "", "{0}", "x" * 64])
        token = rng.choice(["", victim, "0" * 32, "\0", "ß" * 128])
        resume = fuzzer.message("Resume", session=victim, token=token)
        received = await self._converse(rng, [resume], breaks_off=False)
        if any(event["type"] == "ready" for event in received.events):
            return [f"session {victim} was resumed with a wrong token"]
        return self._judge(received)

    async def _resume_repeatedly(self, rng: random.Random, fuzzer: MessageFuzzer) -> list[str]:
        """Resume its own session several times, at any position."""
        audio = fuzzer.audio("pcm_s16le")
        frames: list[Frame] = [fuzzer.start("pcm_s16le"), *(next(audio, b"") for _ in range(rng.randint(0, 9)))]
        first = await self._converse(rng, frames, breaks_off=True)
        problems = self._judge(first)
        ready = next((event for event in first.events if event["type"] == "ready"), None)
        for _ in range(rng.randint(1, 4) if ready else 0):
            assert ready is not None
            resume: Frame = fuzzer.message("Resume", session=ready["session"], token=ready["resume_token"])
            more: list[Frame] = [next(audio, b"") for _ in range(rng.randint(0, 5))]
            problems += self._judge(await self._converse(rng, [resume, *more]))
        return problems

    async def _send_raw_bytes(self, rng: random.Random, fuzzer: MessageFuzzer) -> list[str]:
        """Bytes below the WebSocket protocol."""
        reader, writer = await asyncio.open_connection(self._host, self._port)
        with contextlib.suppress(OSError, TimeoutError):
            data = fuzzer.raw_bytes()
            cut = rng.randint(0, len(data))
            for piece in (data[:cut], data[cut:]):
                writer.write(piece)
                await asyncio.sleep(rng.choice([0, 0.05]))
            async with asyncio.timeout(rng.choice([0.05, 0.5, 2])):
                while await reader.read(1 << 16):
                    pass
        writer.transport.abort() if rng.random() < 0.5 else writer.close()
        return []

    # --- one connection

    async def _converse(
        self, rng: random.Random, frames: Sequence[Frame], *, breaks_off: bool | None = None
    ) -> Received:
        """Send frames, then `stop` or, if it breaks off, reset the connection."""
        received = Received()
        breaks_off = rng.random() < 0.3 if breaks_off is None else breaks_off
        pause_s = rng.choice([0, 0, 0.01])
        form: dict[str, Any] = {"max_size": None, "compression": None, "ping_interval": None, "close_timeout": 5}
        async with connect(self._url, **form) as socket, asyncio.TaskGroup() as tasks:
            listening = tasks.create_task(self._listen(socket, received))
            with contextlib.suppress(ConnectionClosed):
                for frame in frames:
                    await socket.send(frame)
                    await asyncio.sleep(pause_s)
                if not breaks_off:
                    await socket.send('{"type":"stop"}')
            if breaks_off:
                await asyncio.sleep(rng.choice([0, 0.1, 0.5]))
                listening.cancel()
                socket.transport.abort()
        return received

    async def _listen(self, socket: ClientConnection, received: Received) -> None:
        async with asyncio.timeout(MAX_CLOSE_S):
            with contextlib.suppress(ConnectionClosed):
                while True:
                    received.events.append(json.loads(await socket.recv()))
        received.close_code = socket.close_code or 1006

    def _judge(self, received: Received) -> list[str]:
        """Everything that contradicts the documentation."""
        self._report.hostile_finals += sum(event["type"] == "final" for event in received.events)
        error, code = received.fatal, received.close_code
        if error is None:
            return [] if code in SILENT_CLOSES else [f"closed with {code} and no error event"]
        self._report.refusals[f"{error['code']} {code}"] += 1
        wrong = [] if received.events[-1] is error else ["a fatal error was not the last event"]
        if error["code"] in ("internal", "overdue") or "Traceback" in error["message"]:
            wrong.append(f"internal error: {error}")
        elif code is not None and code not in self._codes.get(error["code"], ()):
            wrong.append(f"{error['code']} closed with {code}, which is not documented")
        return wrong
