"""The room of a session, on the side of the speaker: what the client receives, and what its jobs contain."""

from typing import Any, cast

import pytest

from backend.messages.protocol import Error, Final, Message, Notice, Start, Translation
from backend.streams.rooms.rooms import RedisRooms
from gateway.rooms.publishing.publisher import MAX_WAITING, RoomPublisher
from gateway.session.audio_jobs import MAX_TARGETS, AudioJobBuilder
from gateway.session.segmenter import SpeechClip
from gateway.session.utterance import OpenUtterance

OWN = ("fr",)


@pytest.fixture
def publisher() -> RoomPublisher:
    return RoomPublisher(cast("RedisRooms", None), "talk", "", "s")  # nothing here reaches Redis


def final(*targets: str) -> Final:
    return Final(
        utterance=1, text="x", language="en", confidence=1.0, start_ms=0, end_ms=1, translate_to=targets, cursor="1-0"
    )


def translation(language: str) -> Translation:
    return Translation(utterance=1, language=language, text="x", is_final=True, cursor="2-0")


def test_the_client_gets_only_the_languages_that_it_asked_for(publisher: RoomPublisher) -> None:
    others: list[Message] = [
        translation("es"),
        Notice(code="unsupported_pair", message="", utterance=1, language="es"),
        Error(code="overdue", message="", utterance=1, language="es"),
    ]
    assert [publisher.for_client(event, OWN) for event in others] == [None, None, None]
    assert publisher.for_client(final("fr", "es"), OWN) == final("fr")
    own: list[Message] = [final("fr"), translation("fr"), Error(code="overdue", message="", utterance=1)]
    assert [publisher.for_client(event, OWN) for event in own] == own


def test_translations_that_the_client_no_longer_asks_for_still_arrive(publisher: RoomPublisher) -> None:
    publisher.for_client(final("fr"), OWN)
    assert publisher.for_client(translation("fr"), ()) == translation("fr")


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
