"""The room of a session, on the side of the speaker: what the client receives, and what its jobs contain."""

from typing import Any, cast

import pytest

from backend.messages.protocol import Final, Start
from backend.streams.rooms.rooms import RedisRooms
from gateway.rooms.publishing.publisher import MAX_WAITING, RoomPublisher
from gateway.session.audio_jobs import MAX_TARGETS, AudioJobBuilder
from gateway.session.segmenter import SpeechClip
from gateway.session.utterance import OpenUtterance


@pytest.fixture
def publisher() -> RoomPublisher:
    return RoomPublisher(cast("RedisRooms", None), "talk", "", "s")  # nothing here reaches Redis


def final(*targets: str) -> Final:
    return Final(
        utterance=1, text="x", language="en", confidence=1.0, start_ms=0, end_ms=1, translate_to=targets, cursor="1-0"
    )


def test_captions_wait_for_redis_within_a_limit(publisher: RoomPublisher) -> None:
    for _ in range(MAX_WAITING + 5):
        publisher.publish(final())
    assert publisher.waiting == MAX_WAITING


@pytest.mark.parametrize(
    ("own", "read", "expected"),
    [
        ((), (), ()),
        (("fr",), ("es",), ("fr", "es")),
        ((), ("de", "es"), ("de", "es")),
        (("fr",) * MAX_TARGETS, ("es",), ("fr",) * MAX_TARGETS),
    ],
)
def test_jobs_are_translated_into_what_is_read_now(own: Any, read: Any, expected: Any) -> None:
    languages: list[str] = []
    jobs = AudioJobBuilder("s", "c", lambda start: start.priority, lambda: languages)
    jobs.options = Start(translate_to=own)
    clip = SpeechClip(0, 16_000, b"")
    assert jobs.build_job("final", OpenUtterance(1), clip, 0.0).translate_to == own
    languages[:] = read
    assert jobs.build_job("final", OpenUtterance(1), clip, 0.0).translate_to == expected
