"""Bad clients, one connection or a few at a time, and whether they are refused as the documentation says."""

from __future__ import annotations

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

from tests.chaos.clients.message_fuzzer import FORMATS, Frame, Garbage
from tests.paths import ROOT
from tests.testkit.session import stream_url

WIRE = ROOT / "docs" / "reference" / "protocol.md"
ENDS_WITHIN_S = 45.0
"""A connection on which `stop` was said."""
OURS = {None, 1000, 1009}
"""Close codes that need no `error` before them: ours to begin with, `done`, and a frame too large to be looked at."""


@dataclass(slots=True)
class Report:
    """What became of it."""

    seed: int
    connections: Counter[str] = field(default_factory=Counter)
    """By kind."""
    refusals: Counter[str] = field(default_factory=Counter)
    """Fatal errors, by code and close code."""
    finals: int = 0
    """Of honest clients."""
    garbage_finals: int = 0
    """Of bad ones: how deep they get."""
    memory_mb: list[float] = field(default_factory=list)
    """Of the gateway, when the fuzzing begins and when all clients have gone."""
    open_files: list[int] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Heard:
    """What a connection brought."""

    events: list[dict[str, Any]] = field(default_factory=list)
    close_code: int | None = None

    @property
    def fatal(self) -> dict[str, Any] | None:
        """The last words, if they were harsh."""
        return next((event for event in self.events if event["type"] == "error" and event["fatal"]), None)


def documented() -> dict[str, set[int | None]]:
    """The close codes that the documentation gives for each error code; None: the connection stays open."""
    codes: dict[str, set[int | None]] = {}
    for row in re.findall(r"^\| (\d{4}|stays open) \| ([^|]*) \|", WIRE.read_text(), re.MULTILINE):
        for code in re.findall(r"`(\w+)`", row[1]):
            codes.setdefault(code, set()).add(int(row[0]) if row[0].isdecimal() else None)
    return codes


class Attackers:
    """Bad clients of one gateway."""

    def __init__(self, http_url: str, recordings: dict[str, bytes], report: Report) -> None:
        self._url, self._recordings, self._report = stream_url(http_url), recordings, report
        self._host, port = http_url.removeprefix("http://").split(":")
        self._port = int(port)
        self._codes = documented()
        self.honest: list[str] = []
        """Sessions that nobody else may get hold of."""

    async def attack(self, number: int) -> None:
        """One bad client, from its first byte to its last."""
        dice = random.Random(f"{self._report.seed} {number}")
        kind = dice.choice(["babble", "babble", "sing", "sing", "steal", "return", "port", "port"])
        self._report.connections[kind] += 1
        garbage = Garbage(dice, self._recordings)
        try:
            async with asyncio.timeout(ENDS_WITHIN_S + 30):
                for complaint in await {
                    "babble": self._babble,
                    "sing": self._sing,
                    "steal": self._steal,
                    "return": self._return,
                    "port": self._port_scan,
                }[kind](dice, garbage):
                    self._report.wrong.append(f"bad client {number} ({kind}): {complaint}")
        except* (OSError, InvalidHandshake) as errors:
            self._report.wrong.append(f"bad client {number} ({kind}): not served: {errors.exceptions[0]!r}")

    # --- kinds of bad clients; each returns what it has to complain of

    async def _babble(self, dice: random.Random, garbage: Garbage) -> list[str]:
        """Any messages and any audio in any order."""
        encoding = dice.choice(list(FORMATS))
        frames: list[Frame] = [garbage.start(encoding)] if dice.random() < 0.7 else []
        audio = garbage.audio(encoding)
        for _ in range(dice.randint(0, 25)):
            frames.append(garbage.any_message() if dice.random() < 0.3 else next(audio, b""))
        return self._judge(await self._converse(dice, frames))

    async def _sing(self, dice: random.Random, garbage: Garbage) -> list[str]:
        """Audio that is not what it should be."""
        encoding = dice.choice([*FORMATS, "webm", "ogg"])
        finalize = [garbage.message("Finalize")] * dice.randint(0, 3)
        return self._judge(await self._converse(dice, [garbage.start(encoding), *garbage.audio(encoding), *finalize]))

    async def _steal(self, dice: random.Random, garbage: Garbage) -> list[str]:
        """Somebody else's session."""
        victim = dice.choice([*self.honest, "", "{0}", "x" * 64])
        token = dice.choice(["", victim, "0" * 32, "\0", "ß" * 128])
        heard = await self._converse(dice, [garbage.message("Resume", session=victim, token=token)], breaks_off=False)
        if any(event["type"] == "ready" for event in heard.events):
            return [f"a stranger resumed {victim}"]
        return self._judge(heard)

    async def _return(self, dice: random.Random, garbage: Garbage) -> list[str]:
        """To its own session, again and again, with any place in it."""
        audio = garbage.audio("pcm_s16le")
        frames: list[Frame] = [garbage.start("pcm_s16le"), *(next(audio, b"") for _ in range(dice.randint(0, 9)))]
        first = await self._converse(dice, frames, breaks_off=True)
        complaints = self._judge(first)
        ready = next((event for event in first.events if event["type"] == "ready"), None)
        for _ in range(dice.randint(1, 4) if ready else 0):
            assert ready is not None
            own = {"session": ready["session"], "token": ready["resume_token"]}
            frames = [garbage.message("Resume", **own), *(next(audio, b"") for _ in range(dice.randint(0, 5)))]
            complaints += self._judge(await self._converse(dice, frames))
        return complaints

    async def _port_scan(self, dice: random.Random, garbage: Garbage) -> list[str]:
        """No client of ours at all."""
        reader, writer = await asyncio.open_connection(self._host, self._port)
        with contextlib.suppress(OSError, TimeoutError):
            data = garbage.bytes_on_the_port()
            cut = dice.randint(0, len(data))
            for piece in (data[:cut], data[cut:]):
                writer.write(piece)
                await asyncio.sleep(dice.choice([0, 0.05]))
            async with asyncio.timeout(dice.choice([0.05, 0.5, 2])):
                while await reader.read(1 << 16):
                    pass
        writer.transport.abort() if dice.random() < 0.5 else writer.close()
        return []

    # --- one connection

    async def _converse(self, dice: random.Random, frames: Sequence[Frame], *, breaks_off: bool | None = None) -> Heard:
        heard = Heard()
        breaks_off = dice.random() < 0.3 if breaks_off is None else breaks_off
        pause_s = dice.choice([0, 0, 0.01])
        form: dict[str, Any] = {"max_size": None, "compression": None, "ping_interval": None, "close_timeout": 5}
        async with connect(self._url, **form) as socket, asyncio.TaskGroup() as tasks:
            listening = tasks.create_task(self._listen(socket, heard))
            with contextlib.suppress(ConnectionClosed):
                for frame in frames:
                    await socket.send(frame)
                    await asyncio.sleep(pause_s)
                if not breaks_off:
                    await socket.send('{"type":"stop"}')
            if breaks_off:
                await asyncio.sleep(dice.choice([0, 0.1, 0.5]))
                listening.cancel()
                socket.transport.abort()
        return heard

    async def _listen(self, socket: ClientConnection, heard: Heard) -> None:
        async with asyncio.timeout(ENDS_WITHIN_S):
            with contextlib.suppress(ConnectionClosed):
                while True:
                    heard.events.append(json.loads(await socket.recv()))
        heard.close_code = socket.close_code or 1006

    def _judge(self, heard: Heard) -> list[str]:
        """What is not as documented."""
        self._report.garbage_finals += sum(event["type"] == "final" for event in heard.events)
        error, code = heard.fatal, heard.close_code
        if error is None:
            return [] if code in OURS else [f"closed with {code} and no word"]
        self._report.refusals[f"{error['code']} {code}"] += 1
        wrong = [] if heard.events[-1] is error else ["a fatal error was not the last word"]
        if error["code"] in ("internal", "overdue") or "Traceback" in error["message"]:
            wrong.append(f"our mistake: {error}")
        elif code is not None and code not in self._codes.get(error["code"], ()):
            wrong.append(f"{error['code']} closed with {code}, which is not documented")
        return wrong
