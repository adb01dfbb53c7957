"""A connection lets others use the event loop between the pieces of a frame."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace

from backend.messages.protocol import AudioFormat, Done, Error, Ready, Start, Stop
from gateway.audio.decoder import AudioInputDecoder
from gateway.connection.connection import LIVE_FRAMES_PER_S
from gateway.http.turns import Turns
from tests.chaos.clients.container_bombs import CONTAINER_BOMBS
from tests.testkit.streams.virtual_time import virtual_time
from tests.unit.gateway.connection.memory_gateway import MemoryGateway

WEBM = AudioFormat(encoding="webm")
# Not refused, and without audio: an ordinary video has blocks of another track too.
OPENING, FRAME = CONTAINER_BOMBS["blocks of another track"][1:]
FRAME = FRAME[: 6 * 40_000]
# A round takes 2 to 4 ms. At once, the frame takes half a second.
MAX_ROUND_S = 0.03


class CountedTurns(Turns):
    """Counts who had to wait for a turn."""

    waited = 0

    async def wait(self, cost_s: float = 0.0, excess: float = 0.0) -> None:
        self.waited += 1
        await super().wait(cost_s, excess)


def pieces() -> int:
    source = AudioInputDecoder(WEBM)
    list(source.decode(OPENING))
    return sum(1 for _ in source.decode(FRAME))


async def longest_round_s(until: Callable[[], object]) -> float:
    """Time of the processor in the longest round of the event loop."""
    longest_s, began = 0.0, time.thread_time()
    while not until():
        await asyncio.sleep(0)
        longest_s, began = max(longest_s, time.thread_time() - began), time.thread_time()
    return longest_s


@virtual_time
async def test_other_sessions_continue_while_a_frame_without_audio_is_parsed() -> None:
    gateway, turns = MemoryGateway(), CountedTurns()
    gateway.services = replace(gateway.services, turns=turns)
    async with gateway.connect(Start(audio=WEBM)) as client:
        await client.wait_for(lambda: client.of(Ready))
        client.send(OPENING)
        await asyncio.sleep(1)  # now the client may send as much as one that catches up after a stall
        client.send(FRAME)
        client.send(Stop())
        assert await longest_round_s(lambda: client.of(Done)) < MAX_ROUND_S
    assert not client.of(Error)
    assert turns.waited >= pieces() - LIVE_FRAMES_PER_S, "each piece counts as a frame"
