"""A client of a running system: speaks a clip, listens, and keeps what it heard with the time of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backend.client.client import RECONNECT_TIMEOUT_S, Client
from backend.messages.protocol import Final, Partial, ServerMessage, Start, Translation

RATE = 16_000
FRAME = 1_600
"""Samples sent at once: 100 ms."""


@dataclass(slots=True)
class Conversation:
    """Everything one session said, in order."""

    events: list[tuple[float, ServerMessage]] = field(default_factory=list)
    """Seconds since the first sample was sent, and the event."""
    last_sent: float = 0.0
    """When the clip's last sample was sent; silence that followed it does not count."""
    session: str = ""
    reconnects: int = 0
    """Connections that were lost and replaced."""

    def of(self, kind: type[Any]) -> list[Any]:
        """The events of a kind."""
        return [event for _, event in self.events if isinstance(event, kind)]

    @property
    def text(self) -> str:
        """All finals, joined."""
        return " ".join(final.text for final in self.of(Final) if final.text)

    def translation(self, language: str) -> str:
        """All final translations into a language, joined."""
        return " ".join(e.text for e in self.of(Translation) if e.language == language and e.is_final)

    def partials(self) -> dict[int, list[Partial]]:
        """The partials of each utterance, in order."""
        partials: dict[int, list[Partial]] = {}
        for partial in self.of(Partial):
            partials.setdefault(partial.utterance, []).append(partial)
        return partials


def stream_url(http_url: str) -> str:
    """The WebSocket of a gateway."""
    return http_url.replace("http", "ws", 1) + "/v1/stream"


async def speak(
    http_url: str | Sequence[str],
    pcm: NDArray[np.int16],
    *,
    pace: float | None = None,
    silence_s: float = 0.0,
    patience_s: float = RECONNECT_TIMEOUT_S,
    **options: Any,
) -> Conversation:
    """Send a clip, then silence, then stop; return when all has been said. `pace` 1: in real time; None: at once.

    With several gateways, each connection goes to the next in turn.
    """
    urls = [stream_url(url) for url in ([http_url] if isinstance(http_url, str) else http_url)]
    said = Conversation()
    frames = np.concatenate([pcm, np.zeros(round(RATE * silence_s), np.int16)])
    async with Client.connect(urls, Start(**options), reconnect_timeout_s=patience_s) as client:
        said.session = client.ready.session
        began = time.monotonic()

        async def talk() -> None:
            for at in range(0, len(frames), FRAME):
                if pace:
                    await asyncio.sleep(began + at / RATE / pace - time.monotonic())
                await client.send(frames[at : at + FRAME].tobytes())
                if at < len(pcm):
                    said.last_sent = time.monotonic() - began
            await client.stop()

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(talk())
            async for event in client:
                said.events.append((time.monotonic() - began, event))
                said.reconnects = client.reconnects
    return said


async def speak_all(
    http_url: str | Sequence[str], clips: list[NDArray[np.int16]], at_once: int, **options: Any
) -> list[Conversation]:
    """Several clips, some of them at the same time; the answers in the clips' order."""
    places = asyncio.Semaphore(at_once)

    async def one(pcm: NDArray[np.int16]) -> Conversation:
        async with places:
            return await speak(http_url, pcm, **options)

    return list(await asyncio.gather(*(one(pcm) for pcm in clips)))
