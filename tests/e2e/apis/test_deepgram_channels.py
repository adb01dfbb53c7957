"""The official Deepgram client with two speakers on two channels: live speech and recordings."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from deepgram import AsyncDeepgramClient, DeepgramClient
from deepgram.core.api_error import ApiError
from deepgram.core.events import EventType
from deepgram.environment import DeepgramClientEnvironment
from numpy.typing import NDArray

from backend.local.system import System
from tests.e2e.apis.conftest import error_percent
from tests.testkit.audio.clips import RATE, Clip
from tests.testkit.audio.media_files import encode

# The client uses names that websockets calls deprecated.
pytestmark = [pytest.mark.timeout(180), pytest.mark.filterwarnings("ignore::DeprecationWarning")]

MAX_ERROR_PERCENT = 25.0
FRAME = RATE // 10


@pytest.fixture
def environment(system: System) -> DeepgramClientEnvironment:
    http, socket = system.urls[0], system.urls[0].replace("http", "ws", 1)
    return DeepgramClientEnvironment(base=http, production=socket, agent=socket, agent_rest=http)


@pytest.fixture(scope="module")
def call(english: list[Clip]) -> NDArray[np.int16]:
    """[n, 2]: the second speaker starts a second after the first one, who then still speaks."""
    first, second = (clip.pcm() for clip in english)
    both = np.zeros((RATE + max(len(first), len(second)) + RATE, 2), np.int16)
    both[: len(first), 0] = first
    both[RATE : RATE + len(second), 1] = second
    return both


async def test_live_speech_on_two_channels(
    environment: DeepgramClientEnvironment, english: list[Clip], call: NDArray[np.int16]
) -> None:
    client = AsyncDeepgramClient(api_key="unused", environment=environment)
    messages: list[Any] = []
    options: Any = {
        "model": "nova-3",
        "encoding": "linear16",
        "sample_rate": RATE,
        "channels": 2,
        "multichannel": True,
        "interim_results": True,
        "vad_events": True,
        "endpointing": 800,
    }
    async with client.listen.v1.connect(**options) as connection:
        connection.on(EventType.MESSAGE, messages.append)
        listening = asyncio.create_task(connection.start_listening())
        for at in range(0, len(call), FRAME):
            await connection.send_media(call[at : at + FRAME].astype("<i2").tobytes())
            await asyncio.sleep(0.1)
        await connection.send_finalize()
        await connection.send_close_stream()
        await asyncio.wait_for(listening, 60)
    results = [message for message in messages if message.type == "Results"]
    for channel, clip in enumerate(english):
        own = [result for result in results if result.channel_index == [channel, 2]]
        finals = [result.channel.alternatives[0].transcript for result in own if result.is_final]
        assert error_percent(clip, " ".join(finals)) <= MAX_ERROR_PERCENT
        assert [result.from_finalize for result in own if result.is_final].count(True) == 1
        assert any(not result.is_final for result in own)
    assert {tuple(message.channel) for message in messages if message.type == "SpeechStarted"} == {(0, 2), (1, 2)}
    assert (messages[-1].type, messages[-1].channels) == ("Metadata", 2)
    assert messages[-1].duration == pytest.approx(len(call) / RATE, abs=0.1)


def test_a_recording_with_two_channels(
    environment: DeepgramClientEnvironment, english: list[Clip], call: NDArray[np.int16], tmp_path: Path
) -> None:
    file = encode(tmp_path / "call.wav", call)
    with httpx.Client(timeout=120) as http:
        client = DeepgramClient(api_key="unused", environment=environment, httpx_client=http)
        response: Any = client.listen.v1.media.transcribe_file(
            request=file.read_bytes(), model="nova-3", multichannel=True, utterances=True, extra=["call:7"]
        )
        mixed: Any = client.listen.v1.media.transcribe_file(request=file.read_bytes(), model="nova-3")
    assert response.metadata.channels == len(response.results.channels) == 2
    assert response.metadata.extra == {"call": "7"}
    for channel, clip in enumerate(english):
        text = response.results.channels[channel].alternatives[0].transcript
        assert error_percent(clip, text) <= MAX_ERROR_PERCENT
        spoken = [one.transcript for one in response.results.utterances if one.channel == channel]
        assert " ".join(spoken) == text
    starts = [one.start for one in response.results.utterances]
    assert starts == sorted(starts)
    assert mixed.metadata.channels == len(mixed.results.channels) == 1


def test_callbacks_are_refused_unless_they_are_enabled(environment: DeepgramClientEnvironment) -> None:
    with httpx.Client() as http:
        client = DeepgramClient(api_key="unused", environment=environment, httpx_client=http)
        with pytest.raises(ApiError) as caught:
            client.listen.v1.media.transcribe_file(request=b"x", callback="http://results.example/")
    body: Any = caught.value.body
    assert (caught.value.status_code, body["err_code"]) == (400, "INVALID_QUERY_PARAMETER")
