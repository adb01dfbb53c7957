"""The official Soniox client: live transcripts, their translation, and errors."""

import asyncio
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import websockets
from soniox import AsyncSonioxClient
from soniox.errors import SonioxRealtimeError
from soniox.realtime.async_stt import AsyncRealtimeSTTSession
from soniox.types import RealtimeSTTConfig
from soniox.types.realtime import RealtimeEvent

from backend.local.system import System, running
from tests.e2e.apis.conftest import error_percent
from tests.testkit.audio.clips import Clip
from tests.testkit.cli import silent
from tests.testkit.system.plans import NO_LOAD_LIMIT, system_plan

pytestmark = pytest.mark.timeout(240)

MAX_ERROR_PERCENT = 25.0
CHUNK = 3_200  # 100 ms
RAW: Any = {"model": "stt-rt-v5", "audio_format": "pcm_s16le", "sample_rate": 16_000, "num_channels": 1}


def address(system: System) -> str:
    return f"{system.urls[0].replace('http', 'ws', 1)}/transcribe-websocket"


def session(system: System, key: str = "unused", **options: Any) -> AsyncRealtimeSTTSession:
    client = AsyncSonioxClient(api_key=key, websocket_base_url=address(system))
    return client.realtime.stt.connect(config=RealtimeSTTConfig(**{**RAW, **options}))


async def speak(connection: AsyncRealtimeSTTSession, clip: Clip, silence_s: float) -> None:
    """Send a recording in real time, followed by silence."""
    data = clip.pcm().tobytes() + bytes(2 * round(silence_s * 16_000))
    for at in range(0, len(data), CHUNK):
        await connection.send_byte_chunk(data[at : at + CHUNK])
        await asyncio.sleep(0.1)


async def transcribed(connection: AsyncRealtimeSTTSession, clip: Clip, silence_s: float) -> list[RealtimeEvent]:
    """All events of a recording that is sent in real time."""

    async def send() -> None:
        await speak(connection, clip, silence_s)
        await connection.finish()

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(send())
        return [event async for event in connection.receive_events()]


async def send_silence(connection: AsyncRealtimeSTTSession) -> None:
    with suppress(SonioxRealtimeError):
        while True:
            await connection.send_byte_chunk(bytes(CHUNK))
            await asyncio.sleep(0.1)


def final_tokens(events: list[RealtimeEvent]) -> list[Any]:
    assert all(event.error_code is None for event in events), events
    return [token for event in events for token in event.tokens if token.is_final]


async def test_live_speech_becomes_tokens(system: System, english: list[Clip]) -> None:
    clip = english[0]
    options: Any = {"language_hints": ["en"], "enable_endpoint_detection": True, "enable_language_identification": True}
    async with session(system, **options) as connection:
        events = await transcribed(connection, clip, 1.5)
    assert events[-1].finished
    tokens = final_tokens(events)
    words = [token for token in tokens if token.text not in ("<end>", "<fin>")]
    assert error_percent(clip, "".join(token.text for token in words)) <= MAX_ERROR_PERCENT
    assert tokens[-1].text == "<end>"
    assert all(token.language == "en" and 0 < token.confidence <= 1 for token in words)
    times = [(token.start_ms, token.end_ms) for token in words]
    assert all(0 <= start <= end <= 1_000 * len(clip.pcm()) / 16_000 + 200 for start, end in times)
    assert times == sorted(times)
    tentative = [token for event in events for token in event.tokens if not token.is_final]
    assert tentative, "text is shown before it is final"
    assert all(token.start_ms is not None for token in tentative)
    assert events[-1].total_audio_proc_ms == pytest.approx(1_000 * len(clip.pcm()) / 16_000 + 1_500, abs=100)


async def test_live_speech_is_translated(system: System, speech_clips: list[Clip]) -> None:
    chinese = [clip for clip in speech_clips if clip.language == "zh" and clip.kind == "utt"]
    if not chinese:
        pytest.skip("there is no Chinese recording")
    options: Any = {
        "language_hints": ["zh", "en"],
        "enable_endpoint_detection": True,
        "translation": {"type": "one_way", "target_language": "en"},
    }
    async with session(system, **options) as connection:
        events = await transcribed(connection, chinese[0], 2.0)
    tokens = final_tokens(events)
    spoken = [token for token in tokens if token.translation_status == "original"]
    translated = [token for token in tokens if token.translation_status == "translation"]
    assert error_percent(chinese[0], "".join(token.text for token in spoken)) <= MAX_ERROR_PERCENT
    assert {token.language for token in spoken} == {"zh"}
    text = "".join(token.text for token in translated)
    assert len(text.split()) >= 3
    assert text.isascii()
    assert {(token.language, token.source_language) for token in translated} == {("en", "zh")}
    assert [token.text for token in tokens].index("<end>") > tokens.index(translated[-1]), "the end comes last"


async def test_a_finalize_is_confirmed_and_the_session_continues(system: System, english: list[Clip]) -> None:
    async with session(system, language_hints=["en"]) as connection:
        await speak(connection, english[0], 0.1)
        await connection.finalize()
        await connection.keep_alive()
        texts: list[str] = []
        async for event in connection.receive_events():
            texts += [token.text for token in final_tokens([event])]
            if "<fin>" in texts:
                break
        assert error_percent(english[0], "".join(texts).removesuffix("<fin>")) <= MAX_ERROR_PERCENT
        await speak(connection, english[1], 0.1)
        await connection.finish()
        rest = final_tokens([event async for event in connection.receive_events()])
    assert error_percent(english[1], "".join(token.text for token in rest)) <= MAX_ERROR_PERCENT


@pytest.mark.parametrize(
    ("options", "code"),
    [({"audio_format": "mp3"}, 400), ({"translation": {"type": "one_way", "target_language": "fr"}}, 400)],
)
async def test_what_cannot_be_honoured_is_refused(system: System, options: dict[str, Any], code: int) -> None:
    async with session(system, **options) as connection, asyncio.TaskGroup() as tasks:
        sending = tasks.create_task(send_silence(connection))
        events = [event async for event in connection.receive_events()]
        sending.cancel()
    assert [event.error_code for event in events] == [code]
    assert events[0].error_message


async def test_a_key_in_the_handshake_or_in_the_first_message_opens_a_session(
    whisper_base: Path, artifacts: Path
) -> None:
    environment = {"GATEWAY_AUTH": "keys", **NO_LOAD_LIMIT}
    plan = system_plan(artifacts / "logs-soniox", stt_model=str(whisper_base), environment=environment)
    async with running(plan, silent) as system:
        async with session(system, system.key) as connection:
            await connection.finish()
            events = [event async for event in connection.receive_events()]
        assert [(event.finished, event.error_code) for event in events] == [(True, None)]
        async with session(system, "nova_wrong") as connection:
            events = [event async for event in connection.receive_events()]
        assert [event.error_code for event in events] == [401]
        for key, error in ((system.key, None), ("nova_wrong", 401), ("", 401)):
            async with websockets.connect(address(system)) as socket:
                await socket.send(json.dumps({**RAW, "api_key": key}))
                if error is None:
                    await socket.send("")
                assert json.loads(await socket.recv()).get("error_code") == error
        async with websockets.connect(address(system), subprotocols=["soniox-api-key", system.key]) as socket:  # type: ignore[list-item]
            assert socket.subprotocol == "soniox-api-key"
            await socket.send(json.dumps(RAW))
            await socket.send("")
            assert json.loads(await socket.recv())["finished"]
