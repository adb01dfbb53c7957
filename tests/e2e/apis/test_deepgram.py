"""The official Deepgram client: live speech and recordings."""

import asyncio
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from deepgram import AsyncDeepgramClient, DeepgramClient
from deepgram.core.api_error import ApiError
from deepgram.core.events import EventType
from deepgram.environment import DeepgramClientEnvironment

from backend.local.system import System
from tests.e2e.apis.conftest import error_percent
from tests.testkit.audio.clips import Clip

# The client uses names that websockets calls deprecated.
pytestmark = [pytest.mark.timeout(180), pytest.mark.filterwarnings("ignore::DeprecationWarning")]

MAX_ERROR_PERCENT = 25.0
CHUNK = 3_200  # 100 ms


@pytest.fixture
def environment(system: System) -> DeepgramClientEnvironment:
    http, socket = system.urls[0], system.urls[0].replace("http", "ws", 1)
    return DeepgramClientEnvironment(base=http, production=socket, agent=socket, agent_rest=http)


async def test_live_speech_gets_interim_and_final_results(
    environment: DeepgramClientEnvironment, english: list[Clip]
) -> None:
    client = AsyncDeepgramClient(api_key="unused", environment=environment)
    messages: list[Any] = []
    options: Any = {
        "model": "nova-3",
        "encoding": "linear16",
        "sample_rate": 16_000,
        "interim_results": True,
        "vad_events": True,
        "utterance_end_ms": 1_000,
        "endpointing": 800,
    }
    async with client.listen.v1.connect(**options) as connection:
        connection.on(EventType.MESSAGE, messages.append)
        listening = asyncio.create_task(connection.start_listening())
        data = english[0].pcm().tobytes() + bytes(64_000)
        for at in range(0, len(data), CHUNK):
            await connection.send_media(data[at : at + CHUNK])
            await asyncio.sleep(0.1)
        async with asyncio.timeout(60):  # otherwise `Finalize` may come before the final
            while not any(message.type == "UtteranceEnd" for message in messages):
                await asyncio.sleep(0.1)
                await connection.send_keep_alive()
        await connection.send_finalize()
        await connection.send_close_stream()
        await asyncio.wait_for(listening, 60)
    results = [message for message in messages if message.type == "Results"]
    finals = [result for result in results if result.is_final]
    assert any(not result.is_final and result.channel.alternatives[0].transcript for result in results)
    assert finals[0].speech_final
    best = finals[0].channel.alternatives[0]
    assert error_percent(english[0], best.transcript) <= MAX_ERROR_PERCENT
    assert [word.punctuated_word for word in best.words] == best.transcript.split()
    assert 0 < best.confidence <= 1
    assert [result.from_finalize for result in finals] == [False, True], "the last one confirms Finalize"
    kinds = [message.type for message in messages]
    assert kinds[0] == "SpeechStarted"
    assert "UtteranceEnd" in kinds
    assert kinds[-1] == "Metadata"
    assert messages[-1].duration == pytest.approx(len(data) / 32_000, abs=0.1)


@pytest.fixture
def client(environment: DeepgramClientEnvironment) -> Iterator[DeepgramClient]:
    with httpx.Client() as http:
        yield DeepgramClient(api_key="unused", environment=environment, httpx_client=http)


def test_a_recording_is_transcribed(client: DeepgramClient, english: list[Clip]) -> None:
    response: Any = client.listen.v1.media.transcribe_file(
        request=english[0].path.read_bytes(), model="nova-3", utterances=True, detect_language=True
    )
    channel = response.results.channels[0]
    assert error_percent(english[0], channel.alternatives[0].transcript) <= MAX_ERROR_PERCENT
    assert channel.detected_language == "en"
    assert 0.5 < channel.language_confidence <= 1
    assert response.results.utterances[0].words
    assert response.metadata.duration == pytest.approx(len(english[0].pcm()) / 16_000, abs=0.1)


@pytest.mark.parametrize("options", [{"detect_entities": True}, {"language": "klingon"}, {"encoding": "mp4"}])
def test_what_cannot_be_honoured_is_refused(client: DeepgramClient, options: dict[str, Any]) -> None:
    with pytest.raises(ApiError) as caught:
        client.listen.v1.media.transcribe_file(request=b"x", **options)
    body: Any = caught.value.body
    assert (caught.value.status_code, body["err_code"]) == (400, "INVALID_QUERY_PARAMETER")
