"""Speak to a gateway through a speech plugin of LiveKit Agents, and print its events.

`python tests/testkit/frameworks/livekit_services.py SERVICE URL FILE` needs livekit-agents[openai,deepgram,soniox] and
nothing of this project. FILE contains 16 kHz mono 16-bit samples. Prints a JSON list of the type and the text of each
event.
"""

import asyncio
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from livekit import rtc  # type: ignore[import-not-found]
from livekit.agents.utils import http_context  # type: ignore[import-not-found]
from livekit.plugins import deepgram, openai, soniox  # type: ignore[import-not-found]

RATE = 16_000
BLOCK_BYTES, BLOCK_S = 3_200, 0.1
# What must come, the longest time until then, and the time for what else comes.
EXPECTED = {"final_transcript", "end_of_speech"}
LONGEST_S, END_S = 30.0, 1.0
KEY = "unused"


def websocket(url: str, path: str) -> str:
    return f"{url.replace('http', 'ws', 1)}{path}"


def realtime(url: str) -> Any:
    """OpenAI's Realtime API, where the gateway ends the utterances."""
    return openai.STT(model="gpt-4o-transcribe", base_url=f"{url}/v1", api_key=KEY, language="en", use_realtime=True)


def upload(url: str) -> Any:
    """OpenAI's recordings."""
    return openai.STT(model="whisper-1", base_url=f"{url}/v1", api_key=KEY, language="en")


def deepgram_live(url: str) -> Any:
    """Deepgram's live API."""
    return deepgram.STT(base_url=f"{url}/v1/listen", api_key=KEY)


def deepgram_flux(url: str) -> Any:
    """Deepgram's turns."""
    return deepgram.STTv2(eager_eot_threshold=0.4, base_url=websocket(url, "/v2/listen"), api_key=KEY)


def soniox_live(url: str) -> Any:
    """Soniox's tokens."""
    return soniox.STT(base_url=websocket(url, "/transcribe-websocket"), api_key=KEY)


SERVICES: Mapping[str, Callable[[str], Any]] = {
    "openai-realtime": realtime,
    "openai-upload": upload,
    "deepgram-live": deepgram_live,
    "deepgram-upload": deepgram_live,
    "deepgram-flux": deepgram_flux,
    "soniox": soniox_live,
}


def blocks(pcm: bytes) -> list[rtc.AudioFrame]:
    return [
        rtc.AudioFrame(block, RATE, 1, len(block) // 2)
        for block in (pcm[at : at + BLOCK_BYTES] for at in range(0, len(pcm), BLOCK_BYTES))
    ]


async def collect(stream: Any, seen: list[Any]) -> None:
    async for event in stream:
        seen.append(event)


async def speak(stream: Any, pcm: bytes) -> list[Any]:
    """The events of audio in real time. Not every plugin ends its stream after its input, so that it is cancelled."""
    seen: list[Any] = []
    collecting = asyncio.create_task(collect(stream, seen))
    for block in blocks(pcm):
        stream.push_frame(block)
        await asyncio.sleep(BLOCK_S)
    for _ in range(round(LONGEST_S / BLOCK_S)):
        if {event.type.value for event in seen} >= EXPECTED:
            break
        await asyncio.sleep(BLOCK_S)
    await asyncio.sleep(END_S)
    collecting.cancel()
    return seen


async def events(name: str, service: Any, pcm: bytes) -> list[Any]:
    """The events of a stream, or the result of a recording."""
    if name.endswith("upload"):
        return [await service.recognize(blocks(pcm))]
    async with service.stream() as stream:
        return await speak(stream, pcm)


async def main(name: str, url: str, pcm: bytes) -> None:
    """Print the events, except those that only report usage."""
    async with http_context.open(), SERVICES[name](url) as service:
        seen = await events(name, service, pcm)
    texts = [(one.type.value, one.alternatives[0].text if one.alternatives else "") for one in seen]
    print(json.dumps([one for one in texts if one[0] != "recognition_usage"]))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], Path(sys.argv[3]).read_bytes()))
