"""Clients with two channels, and what they send."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backend.messages.protocol import AudioFormat, Final, Start
from tests.unit.gateway.connection.memory_gateway import FRAME_S, NOISE, RATE, MemoryClient, MemoryGateway

STEREO = AudioFormat(channels=2)
START = Start(audio=STEREO, multichannel=True, partials=False)
Sound = NDArray[np.int16]


def sound(*parts: tuple[float, bool]) -> Sound:
    """Seconds of noise or silence, one after the other."""
    pieces = [np.resize(NOISE, round(s * RATE)) if loud else np.zeros(round(s * RATE), np.int16) for s, loud in parts]
    return np.concatenate(pieces)


def interleaved(left: Sound, right: Sound) -> bytes:
    return np.stack([left, right], axis=1).astype("<i2").tobytes()


async def send(client: MemoryClient, left: Sound, right: Sound) -> None:
    """Send both channels in real time."""
    frame = round(FRAME_S * RATE)
    for at in range(0, len(left), frame):
        client.send(interleaved(left[at : at + frame], right[at : at + frame]))
        await asyncio.sleep(FRAME_S)


@asynccontextmanager
async def connected(start: Start = START, **settings: Any) -> AsyncIterator[tuple[MemoryGateway, MemoryClient]]:
    gateway = MemoryGateway(**settings)
    async with gateway.worker(), gateway.connect(start) as client:
        await client.wait_for(lambda: client.events)
        yield gateway, client


def places(client: MemoryClient) -> list[tuple[int | None, int]]:
    return [(event.channel, event.utterance) for event in client.of(Final)]


# The first channel speaks for a second, then the second one.
LEFT = sound((1, True), (3, False))
RIGHT = sound((1.5, False), (1, True), (1.5, False))
