"""Data of earlier releases and fields of later releases are readable, so two releases can run side by side.

The recordings are real (`python -m tests.contract.record`). Each release has a folder, which is never changed.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from backend.errors import EntryError
from backend.messages.jobs import (
    AudioJob,
    PartialResult,
    TakenOver,
    Transcript,
    decode_audio_job,
    decode_channel_message,
    decode_transcript,
)
from backend.messages.protocol import Error, Final, Notice, Translation, parse_client, parse_server
from backend.messages.session_record import SessionRecord
from tests.contract.recording import Recorded, releases

AUDIO, TRANSCRIPTS = ("audio:final", "audio:preview"), ("transcript:final", "transcript:preview")
FUTURE = {"from_a_later_release": {"any": ["thing", None, 1.5]}}


@pytest.fixture(params=releases(), ids=lambda folder: folder.name)
def release(request: pytest.FixtureRequest) -> Recorded:
    folder: Path = request.param
    return Recorded.read(folder)


def audio_jobs(release: Recorded) -> list[dict[bytes, bytes]]:
    return [fields for lane in AUDIO for fields in release.of(lane)]


def transcripts(release: Recorded) -> list[dict[bytes, bytes]]:
    """Return all transcripts except the one that is deliberately unreadable."""
    return [fields for lane in TRANSCRIPTS for fields in release.of(lane) if b"text" in fields[b"h"]]


def log(release: Recorded) -> list[bytes]:
    """Return the durable events as log entries."""
    entries = (entry for entry in release.entries if ":log:" in entry["stream"])
    return [b"7-1 " + entry["fields"]["e"].encode() for entry in entries]


def with_more(text: str | bytes) -> str:
    return json.dumps({**json.loads(text), **FUTURE})


def without_what_is_optional(header: bytes, model: type[BaseModel]) -> bytes:
    said = json.loads(header)
    return json.dumps({k: v for k, v in said.items() if model.model_fields[k].is_required()}).encode()


def test_a_recording_contains_every_kind_of_data(release: Recorded) -> None:
    streams = {entry["stream"].split(":", 2)[2].split(":")[0] for entry in release.entries}
    assert streams == {"audio", "transcript", "log"}
    for lane in (*AUDIO, *TRANSCRIPTS, "audio:dead", "transcript:dead"):
        assert release.of(lane), lane
    written = {json.loads(event.partition(b" ")[2])["type"] for event in log(release)}
    assert written == {"final", "translation", "notice", "error"}
    published = {type(decode_channel_message(event.encode()).event) for event in release.events}
    assert published == {PartialResult, Final, Translation, Notice, Error, TakenOver}
    assert {beat["kind"] for beat in release.heartbeats} == {"gateway", "stt", "translation"}
    sent = {json.loads(frame)["type"] for frame in release.said}
    assert sent == {"start", "resume", "configure", "finalize", "keepalive", "stop"}
    known = {field.split(":")[0] for session in release.sessions for field in session}
    assert known >= {"start", "correlation", "epoch", "next", "count", "audio", "token", "owner", "closed", "open"}


def test_recorded_jobs_are_read_with_all_fields(release: Recorded) -> None:
    for fields in audio_jobs(release):
        job, pcm = decode_audio_job(fields)
        said = json.loads(fields[b"h"])
        assert job.model_dump(mode="json", include=set(said), exclude_unset=True) == said
        assert pcm == fields[b"p"]
    for fields in transcripts(release):
        said = json.loads(fields[b"h"])
        assert decode_transcript(fields).model_dump(mode="json", include=set(said), exclude_unset=True) == said


def test_recorded_dead_letters_are_read_or_still_unreadable(release: Recorded) -> None:
    (audio,), (transcript,) = release.of("audio:dead"), release.of("transcript:dead")
    assert decode_audio_job(audio)[0].utterance == 1
    assert set(audio) >= {b"reason", b"error", b"attempts", b"worker", b"time"}
    with pytest.raises(EntryError):
        decode_transcript(transcript)


def test_recorded_events_are_read_from_channel_and_log(release: Recorded) -> None:
    for text in release.events:
        live = decode_channel_message(text.encode())
        if isinstance(live.event, TakenOver):
            continue
        said = json.loads(text.partition(" ")[2])
        assert live.cursor == (None if text.startswith("- ") else text.partition(" ")[0])
        if live.cursor and "cursor" in said:
            said["cursor"] = live.cursor
        assert live.event.model_dump(mode="json", include=set(said)) == said
        assert isinstance(live.event, PartialResult) == (said["type"] == "partial")
    for entry in log(release):
        assert decode_channel_message(entry).cursor == "7-1"


def test_recorded_sessions_can_be_resumed(release: Recorded) -> None:
    records = [SessionRecord.read(pairs(session)) for session in release.sessions]
    for record, session in zip(records, release.sessions, strict=True):
        assert (record.correlation_id, record.next) == (session["correlation"], int(session["next"]))
        assert record.start.model_dump(mode="json", exclude_defaults=True) == json.loads(session["start"])
        assert record.open == session.get("open", "")
    assert any(record.closed for record in records)
    assert any(record.translating for record in records)


def pairs(session: dict[str, str]) -> list[bytes]:
    return [part.encode() for item in session.items() for part in item]


def test_recorded_client_and_server_frames_are_read(release: Recorded) -> None:
    for frame in release.said:
        assert parse_client(frame).model_dump(mode="json", exclude_unset=True) == json.loads(frame)
    for frame in release.heard:
        assert parse_server(frame).model_dump(mode="json", exclude_unset=True) == json.loads(frame)


def test_fields_of_a_later_release_are_ignored(release: Recorded) -> None:
    for fields in audio_jobs(release):
        more = {**fields, b"h": with_more(fields[b"h"]).encode(), b"x": b"?"}
        assert decode_audio_job(more) == decode_audio_job(fields)
    for fields in transcripts(release):
        more = {**fields, b"h": with_more(fields[b"h"]).encode(), b"x": b"?"}
        assert decode_transcript(more) == decode_transcript(fields)
    for text in release.events:
        place, _, body = text.partition(" ")
        if place != "!":
            assert decode_channel_message(f"{place} {with_more(body)}".encode()) == decode_channel_message(
                text.encode()
            )
    for session in release.sessions:
        more_session = {**session, "mood": "?", "mood:1": "?", "start": with_more(session["start"])}
        assert SessionRecord.read(pairs(more_session)) == SessionRecord.read(pairs(session))
    for frame in release.said:
        assert parse_client(with_more(frame)) == parse_client(frame)
    for frame in release.heard:
        assert parse_server(with_more(frame)) == parse_server(frame)


def test_optional_fields_may_be_missing(release: Recorded) -> None:
    for fields in audio_jobs(release):
        least = without_what_is_optional(fields[b"h"], AudioJob)
        assert decode_audio_job({**fields, b"h": least})[0].utterance == decode_audio_job(fields)[0].utterance
    for fields in transcripts(release):
        least = without_what_is_optional(fields[b"h"], Transcript)
        assert decode_transcript({**fields, b"h": least}).text == decode_transcript(fields).text


@pytest.mark.parametrize(("field", "becomes"), [("utterance", None), ("sent_at", "soon"), ("hypothesis", [{}])])
def test_an_incompatible_change_of_a_field_is_detected(release: Recorded, field: str, becomes: Any) -> None:
    """Equivalent to a model that requires what the entries do not have."""
    (fields, *_) = release.of("audio:final")
    changed = {**json.loads(fields[b"h"]), field: becomes}
    with pytest.raises(EntryError):
        decode_audio_job({**fields, b"h": json.dumps(changed).encode()})


def test_an_event_without_a_required_field_is_detected(release: Recorded) -> None:
    final = next(frame for frame in release.heard if '"type":"final"' in frame)
    with pytest.raises(ValidationError):
        parse_server(final.replace('"text":', '"words_said":'))
