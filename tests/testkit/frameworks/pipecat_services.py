"""Speak to a gateway through a speech service of Pipecat, and print the frames that leave it.

`python tests/testkit/frameworks/pipecat_services.py SERVICE URL FILE` needs pipecat-ai[openai,deepgram] and nothing of
this project. FILE contains 16 kHz mono 16-bit samples. Prints a JSON list of the name and the text of each frame.
"""

import asyncio
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pipecat.frames.frames import InputAudioRawFrame, VADUserStartedSpeakingFrame, VADUserStoppedSpeakingFrame  # type: ignore[import-not-found]
from pipecat.tests.utils import SleepFrame, run_test  # type: ignore[import-not-found]

RATE = 16_000
BLOCK_BYTES, BLOCK_S = 3_200, 0.1
# Time for the last results.
END_S = 8.0


def realtime(url: str) -> Any:
    """OpenAI's Realtime API, where Pipecat's own speech detection commits the audio."""
    from pipecat.services.openai.stt import OpenAIRealtimeSTTService  # type: ignore[import-not-found]

    address = f"{url.replace('http', 'ws', 1)}/v1/realtime"
    return OpenAIRealtimeSTTService(api_key="unused", base_url=address)


def server_vad(url: str) -> Any:
    """OpenAI's Realtime API, where the gateway ends the utterances."""
    from pipecat.services.openai.stt import OpenAIRealtimeSTTService

    address = f"{url.replace('http', 'ws', 1)}/v1/realtime"
    return OpenAIRealtimeSTTService(api_key="unused", base_url=address, turn_detection={"type": "server_vad"})


def upload(url: str) -> Any:
    """Utterances as recordings."""
    from pipecat.services.openai.stt import OpenAISTTService

    return OpenAISTTService(api_key="unused", base_url=f"{url}/v1")


def deepgram(url: str) -> Any:
    """Deepgram's live API."""
    from pipecat.services.deepgram.stt import DeepgramSTTService  # type: ignore[import-not-found]

    return DeepgramSTTService(api_key="unused", base_url=url, sample_rate=RATE)


def flux(url: str) -> Any:
    """Deepgram's turns."""
    from pipecat.services.deepgram.flux.stt import DeepgramFluxSTTService  # type: ignore[import-not-found]

    address = f"{url.replace('http', 'ws', 1)}/v2/listen"
    return DeepgramFluxSTTService(api_key="unused", url=address, sample_rate=RATE)


def soniox(url: str) -> Any:
    """Soniox's tokens."""
    from pipecat.services.soniox.stt import SonioxSTTService  # type: ignore[import-not-found]

    address = f"{url.replace('http', 'ws', 1)}/transcribe-websocket"
    return SonioxSTTService(api_key="unused", url=address, sample_rate=RATE, vad_force_turn_endpoint=False)


SERVICES: Mapping[str, Callable[[str], Any]] = {
    "openai-realtime-commits": realtime,
    "openai-realtime-vad": server_vad,
    "openai-upload": upload,
    "deepgram-live": deepgram,
    "deepgram-flux": flux,
    "soniox": soniox,
}
# Services that wait for Pipecat's own speech detection. Here the whole file is one utterance.
DETECTED = ("openai-realtime-commits", "openai-upload")


def frames(name: str, pcm: bytes) -> list[Any]:
    """The input in real time."""
    spoken: list[Any] = [VADUserStartedSpeakingFrame()] if name in DETECTED else []
    for at in range(0, len(pcm), BLOCK_BYTES):
        audio = pcm[at : at + BLOCK_BYTES]
        spoken += [InputAudioRawFrame(audio=audio, sample_rate=RATE, num_channels=1), SleepFrame(sleep=BLOCK_S)]
    spoken += [VADUserStoppedSpeakingFrame()] if name in DETECTED else []
    return [*spoken, SleepFrame(sleep=END_S)]


async def main(name: str, url: str, pcm: bytes) -> None:
    """Print the frames."""
    down, up = await run_test(SERVICES[name](url), frames_to_send=frames(name, pcm))
    seen = [(type(frame).__name__, getattr(frame, "text", "") or getattr(frame, "error", "")) for frame in [*down, *up]]
    print(json.dumps([one for one in seen if "Audio" not in one[0]]))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], Path(sys.argv[3]).read_bytes()))
