"""The official OpenAI client: recordings, and live transcription by turns and by commits."""

import asyncio
import base64
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from openai.resources.realtime.realtime import AsyncRealtimeConnection

from backend.local.system import System, running
from tests.e2e.apis.conftest import error_percent, resampled
from tests.testkit.audio.clips import Clip
from tests.testkit.cli import silent
from tests.testkit.system.plans import NO_LOAD_LIMIT, system_plan

# The client calls the endpoint of translations deprecated.
pytestmark = [pytest.mark.timeout(180), pytest.mark.filterwarnings("ignore::DeprecationWarning")]

# Words that a recognizer of this size may get wrong in two short recordings.
MAX_ERROR_PERCENT = 25.0
RATE = 24_000
DELTA, COMPLETED = (f"conversation.item.input_audio_transcription.{name}" for name in ("delta", "completed"))


@pytest.fixture
def client(system: System) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{system.urls[0]}/v1", api_key="unused", max_retries=0) as opened:
        yield opened


def test_a_recording_is_transcribed_in_every_format(client: openai.OpenAI, english: list[Clip]) -> None:
    clip = english[0]
    transcribe: Any = client.audio.transcriptions.create
    answers: dict[str, Any] = {
        form: transcribe(file=clip.path, model="whisper-1", language="en", response_format=form, **more)
        for form, more in {
            "json": {},
            "text": {},
            "srt": {},
            "vtt": {},
            "verbose_json": {"timestamp_granularities": ["word", "segment"]},
        }.items()
    }
    assert error_percent(clip, answers["json"].text) <= MAX_ERROR_PERCENT
    assert answers["text"].strip() == answers["json"].text
    assert answers["srt"].startswith("1\n00:00:")
    assert answers["vtt"].startswith("WEBVTT")
    verbose = answers["verbose_json"]
    assert (verbose.language, verbose.text) == ("english", answers["json"].text)
    assert verbose.duration == pytest.approx(len(clip.pcm()) / 16_000, abs=0.1)
    assert all(0 <= segment.start < segment.end <= verbose.duration + 0.1 for segment in verbose.segments)
    assert "".join(word.word for word in verbose.words) == verbose.text.replace(" ", "")
    for segment in verbose.segments:
        assert segment.seek == round(100 * segment.start)
        assert segment.tokens
        assert 0 < segment.no_speech_prob < 0.5
        assert -1 < segment.avg_logprob < 0
        assert 0.5 < segment.compression_ratio < 2.4
        assert segment.temperature in (0.0, 0.4, 0.8)


def test_log_probabilities_of_tokens_are_part_of_the_answer_and_of_the_stream(
    client: openai.OpenAI, speech_clips: list[Clip]
) -> None:
    clip = next((clip for clip in speech_clips if clip.language == "ja"), speech_clips[0])
    create: Any = client.audio.transcriptions.create
    asked: dict[str, Any] = {"file": clip.path, "model": "gpt-4o-transcribe", "include": ["logprobs"]}
    answer = create(**asked)
    assert b"".join(bytes(map(int, one.bytes)) for one in answer.logprobs).decode().split() == answer.text.split()
    assert all(one.logprob <= 0 for one in answer.logprobs)
    assert sum(one.logprob for one in answer.logprobs) / len(answer.logprobs) > -1
    *deltas, done = list(create(**asked, stream=True))
    assert [one.token for delta in deltas for one in delta.logprobs] == [one.token for one in done.logprobs]
    assert [(one.token, one.logprob) for one in done.logprobs] == [(one.token, one.logprob) for one in answer.logprobs]


def test_a_recording_is_streamed(client: openai.OpenAI, english: list[Clip]) -> None:
    events = list(client.audio.transcriptions.create(file=english[0].path, model="gpt-4o-transcribe", stream=True))
    *deltas, done = events
    assert {event.type for event in deltas} == {"transcript.text.delta"}
    assert done.type == "transcript.text.done"
    assert "".join(event.delta for event in deltas if event.type == "transcript.text.delta") == done.text
    assert error_percent(english[0], done.text) <= MAX_ERROR_PERCENT


def test_a_recording_is_translated_into_english(client: openai.OpenAI, speech_clips: list[Clip]) -> None:
    chinese = [clip for clip in speech_clips if clip.language == "zh"]
    if not chinese:
        pytest.skip("there is no Chinese recording")
    text = client.audio.translations.create(file=chinese[0].path, model="whisper-1").text
    assert text
    assert text.isascii()


# Words that are frequent in English, and in none of the languages of the clips.
ENGLISH = {
    "the",
    "of",
    "to",
    "and",
    "that",
    "it",
    "is",
    "was",
    "for",
    "with",
    "this",
    "you",
    "have",
    "what",
    "they",
    "from",
}


@pytest.mark.parametrize("spoken", ["es", "fr", "ru", "de"])
@pytest.mark.parametrize("named", [False, True], ids=["detected", "named"])
def test_the_speech_model_translates_where_no_worker_does(
    client: openai.OpenAI, speech_clips: list[Clip], spoken: str, named: bool
) -> None:
    """The only pair of the translation worker is Chinese to English."""
    clips = [clip for clip in speech_clips if clip.language == spoken and len(clip.text) > 30]
    if not clips:
        pytest.skip(f"there is no recording in {spoken}")
    clip = min(clips, key=lambda one: len(one.pcm()))
    language = {"extra_body": {"language": spoken}} if named else {}
    translate: Any = client.audio.translations.create
    answer = translate(file=clip.path, model="whisper-1", response_format="verbose_json", **language)
    assert answer.language == "english"
    words = [word.strip(".,;:!?").lower() for word in answer.text.split()]
    assert len(ENGLISH.intersection(words)) >= 2, answer.text
    assert all(segment.tokens for segment in answer.segments or ())


def test_models_are_listed_and_unknown_ones_are_refused(client: openai.OpenAI, english: list[Clip]) -> None:
    names = {model.id for model in client.models.list()}
    assert {"whisper-1", "whisper-base"} <= names
    assert client.models.retrieve("whisper-base").owned_by == "nova-voice"
    with pytest.raises(openai.NotFoundError) as caught:
        client.audio.transcriptions.create(file=english[0].path, model="nope")
    assert (caught.value.code, caught.value.param) == ("model_not_found", "model")


@pytest.mark.parametrize(
    ("file", "more", "code"),
    [
        (("a.wav", b"no audio"), {}, "not_media"),
        (("a.wav", b""), {}, "empty_file"),
        (("a.wav", b"x"), {"language": "klingon"}, "invalid_value"),
        (("a.wav", b"x"), {"temperature": 7.0}, "invalid_value"),
        (("a.wav", b"x"), {"extra_body": {"stream": "maybe"}}, "invalid_value"),
        (("a.wav", b"x"), {"prompt": "x" * 70_000}, "invalid_form"),
        (("a.wav", b"x"), {"response_format": "yaml"}, "invalid_value"),
    ],
)
def test_a_request_that_cannot_be_served_is_a_bad_request(
    client: openai.OpenAI, file: tuple[str, bytes], more: dict[str, Any], code: str
) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.audio.transcriptions.create(file=file, model="whisper-1", **more)
    assert caught.value.code == code
    assert "nova-upload" not in caught.value.message, "the name of the temporary file is not shown"


async def test_uploads_that_are_no_forms_are_refused(system: System) -> None:
    async with httpx.AsyncClient(base_url=system.urls[0]) as http:
        plain = await http.post("/v1/audio/transcriptions", content=b"x")
        assert (plain.status_code, plain.json()["error"]["code"]) == (415, "invalid_content_type")
        empty = await http.post("/v1/audio/transcriptions", files={"other": b"x"}, data={"model": "whisper-1"})
        assert (empty.status_code, empty.json()["error"]["param"]) == (400, "file")
        broken = {"content-type": "multipart/form-data; boundary=x"}
        assert (await http.post("/v1/audio/transcriptions", content=b"--y", headers=broken)).status_code == 400
        elsewhere = await http.post("/v1/languages", content=b"x")
        assert elsewhere.status_code == 400, "only uploads have a body"


async def connected(system: System) -> AsyncIterator[AsyncRealtimeConnection]:
    client = openai.AsyncOpenAI(base_url=f"{system.urls[0]}/v1", api_key="unused")
    async with client.realtime.connect(
        model="gpt-4o-transcribe", extra_query={"intent": "transcription"}
    ) as connection:
        yield connection


async def configure(connection: AsyncRealtimeConnection, turn_detection: dict[str, Any] | None) -> None:
    audio: Any = {"transcription": {"model": "gpt-4o-transcribe", "language": "en"}, "turn_detection": turn_detection}
    await connection.session.update(session={"type": "transcription", "audio": {"input": audio}})


async def speak(connection: AsyncRealtimeConnection, clip: Clip, silence_s: float) -> None:
    """Send a recording in real time, followed by silence."""
    data = resampled(clip.pcm(), RATE) + bytes(2 * round(silence_s * RATE))
    for at in range(0, len(data), RATE // 5):
        await connection.input_audio_buffer.append(audio=base64.b64encode(data[at : at + RATE // 5]).decode())
        await asyncio.sleep(0.1)


async def until_completed(connection: AsyncRealtimeConnection, count: int) -> list[Any]:
    events: list[Any] = []
    async for event in connection:
        events.append(event)
        assert event.type != "error", event
        if sum(one.type == COMPLETED for one in events) == count:
            break
    return events


def check_items(events: list[Any], clips: list[Clip]) -> None:
    """Each recording is in the transcripts, whose deltas came before and say the same."""
    completed = [event for event in events if event.type == COMPLETED]
    for event in completed:
        deltas = [one.delta for one in events if one.type == DELTA and one.item_id == event.item_id]
        assert "".join(deltas) == event.transcript
        assert event.usage.seconds > 0
    text = " ".join(event.transcript for event in completed)
    assert error_percent(Clip(clips[0].path, " ".join(clip.text for clip in clips), "en"), text) <= MAX_ERROR_PERCENT


async def test_live_speech_is_transcribed_by_turns(system: System, english: list[Clip]) -> None:
    async for connection in connected(system):
        await configure(connection, {"type": "server_vad", "silence_duration_ms": 800})
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(speak(connection, english[0], 2.0))
            events = await until_completed(connection, 1)
        kinds = [event.type for event in events]
        assert kinds[:2] == ["session.created", "session.updated"]
        order = ["speech_started", "speech_stopped", "committed"]
        assert [kind.removeprefix("input_audio_buffer.") for kind in kinds if kind.startswith("input_")] == order
        check_items(events, english[:1])


async def test_live_speech_is_transcribed_by_commits(system: System, english: list[Clip]) -> None:
    async for connection in connected(system):
        await configure(connection, None)
        for clip in english:
            await speak(connection, clip, 0.3)
            await connection.input_audio_buffer.commit()
        events = await until_completed(connection, 2)
        assert [event.type for event in events].count("input_audio_buffer.committed") == 2
        check_items(events, english)


async def test_a_browser_connects_with_a_client_secret(
    whisper_base: Path, artifacts: Path, english: list[Clip]
) -> None:
    environment = {"GATEWAY_AUTH": "keys", **NO_LOAD_LIMIT}
    plan = system_plan(artifacts / "logs-secrets", stt_model=str(whisper_base), environment=environment)
    audio: Any = {"transcription": {"model": "whisper-1", "language": "en"}, "turn_detection": None}
    async with AsyncExitStack() as stack:
        system = await stack.enter_async_context(running(plan, silent))
        url = f"{system.urls[0]}/v1"
        server = await stack.enter_async_context(openai.AsyncOpenAI(base_url=url, api_key=system.key))
        made = await server.realtime.client_secrets.create(
            expires_after={"anchor": "created_at", "seconds": 60},
            session={"type": "transcription", "audio": {"input": audio}},
        )
        browser = await stack.enter_async_context(openai.AsyncOpenAI(base_url=url, api_key=made.value))
        async with browser.realtime.connect(extra_query={"intent": "transcription"}) as connection:
            first: Any = await connection.recv()
            assert first.session.audio.input.transcription.language == "en", "the session of the secret"
            await speak(connection, english[0], 0.3)
            await connection.input_audio_buffer.commit()
            check_items(await until_completed(connection, 1), english[:1])
        with pytest.raises(openai.PermissionDeniedError):
            await browser.realtime.client_secrets.create(session={"type": "transcription"})
        with pytest.raises(openai.BadRequestError, match="only sessions of type 'transcription'"):
            await server.realtime.client_secrets.create(session={"type": "realtime"})
        with pytest.raises(openai.BadRequestError, match="10 to 7200"):
            await server.realtime.client_secrets.create(expires_after={"anchor": "created_at", "seconds": 9})


async def test_a_client_secret_of_the_beta_form_is_part_of_the_session(system: System) -> None:
    async with httpx.AsyncClient(base_url=system.urls[0]) as http:
        made = await http.post("/v1/realtime/transcription_sessions", json={"input_audio_format": "g711_ulaw"})
        assert made.json()["input_audio_format"] == "g711_ulaw"
        assert made.json()["turn_detection"]["type"] == "server_vad", "the default, with which the session opens"
        assert made.json()["client_secret"]["value"].startswith("ek_")
        unknown = (
            b'{"input_audio_transcription": {"language": "xx"}}',
            b'{"input_audio_transcription": {"model": "x"}}',
        )
        for body in (
            *unknown,
            b"[]",
            b"{",
            b"[" * 8_000,
            b'{"input_audio_format": 1}',
            b'{"a": "' + bytes(9_000) + b'"}',
        ):
            refused = await http.post("/v1/realtime/transcription_sessions", content=body)
            assert (refused.status_code, list(refused.json())) in ((400, ["error"]), (413, ["error"])), body[:20]


async def test_a_mistake_is_answered_and_the_session_continues(system: System, english: list[Clip]) -> None:
    async for connection in connected(system):
        await connection.input_audio_buffer.commit()
        await connection.send({"type": "response.create"})
        await configure(connection, None)
        await speak(connection, english[0], 0.3)
        await connection.input_audio_buffer.commit()
        codes = []
        async for event in connection:
            if event.type == "error":
                codes.append(event.error.code)
            if event.type == COMPLETED:
                break
        assert codes == ["input_audio_buffer_commit_empty", "invalid_value"]
