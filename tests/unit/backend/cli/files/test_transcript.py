"""What a recording has yielded, in each form."""

import json

import pytest

from backend.cli.files.transcript import Transcript, subtitles, write
from backend.local.server import NoServerError, stream_url
from backend.messages.protocol import Error, Final, Notice, SpeechStarted, Translation

HELLO = Final(utterance=1, text="你好。", language="zh", confidence=0.9, start_ms=0, end_ms=1200, cursor="1-0")
NOTHING = Final(utterance=2, text="", language="zh", confidence=0, start_ms=2000, end_ms=2500, cursor="2-0")
BYE = Final(utterance=3, text="再见。", language="zh", confidence=0.8, start_ms=3000, end_ms=4000, cursor="3-0")


@pytest.fixture
def transcript() -> Transcript:
    taken = Transcript()
    for event in (
        SpeechStarted(utterance=1, start_ms=0),
        HELLO,
        NOTHING,
        Translation(utterance=1, language="en", text="Hel", is_final=False),
        Translation(utterance=1, language="en", text="Hello.", is_final=True),
        BYE,
    ):
        taken.take(event)
    return taken


def test_plain_text_has_a_line_for_each_utterance_and_its_translations_beneath(transcript: Transcript) -> None:
    assert write(transcript, "txt", ["en"]) == "你好。\n  en: Hello.\n再见。\n"


def test_utterances_without_words_are_not_written_but_count_as_covered(transcript: Transcript) -> None:
    assert [final.utterance for final in transcript.spoken] == [1, 3]
    assert transcript.position_ms == 4000


def test_json_holds_times_languages_confidence_and_translations(transcript: Transcript) -> None:
    written = json.loads(write(transcript, "json", ["en"]))
    assert written["problems"] == []
    assert written["utterances"][0] == {
        "utterance": 1,
        "text": "你好。",
        "language": "zh",
        "confidence": 0.9,
        "start_ms": 0,
        "end_ms": 1200,
        "translations": {"en": "Hello."},
    }
    assert written["utterances"][1]["translations"] == {}


def test_subtitles_are_in_the_language_spoken_or_in_that_of_a_translation(transcript: Transcript) -> None:
    assert subtitles(transcript, "vtt", "en") == "WEBVTT\n\n00:00:00.000 --> 00:00:01.200\nHello.\n"
    assert write(transcript, "srt", ["en"]) == (
        "1\n00:00:00,000 --> 00:00:01,200\n你好。\n\n2\n00:00:03,000 --> 00:00:04,000\n再见。\n"
    )


def test_what_could_not_be_recognized_or_translated_is_a_problem() -> None:
    taken = Transcript()
    taken.take(Error(code="failed", message="utterance 4 could not be recognized", utterance=4))
    taken.take(Notice(code="translation_unavailable", message="no model", language="es"))
    taken.take(Notice(code="previews_slowed", message="busy"))
    assert [problem.code for problem in taken.problems] == ["failed", "translation_unavailable"]


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("host:8080", "ws://host:8080/v1/stream"),
        ("http://host:8080/", "ws://host:8080/v1/stream"),
        ("https://host", "wss://host/v1/stream"),
        ("ws://host:9/v1/stream?key=1", "ws://host:9/v1/stream?key=1"),
        ("wss://host/voice", "wss://host/voice"),
    ],
)
def test_a_server_may_be_given_in_short(given: str, url: str) -> None:
    assert stream_url(given) == url


@pytest.mark.parametrize("given", ["", "ftp://host", "ws://", "host:port", "ws://host:99999"])
def test_what_is_no_address_is_refused(given: str) -> None:
    with pytest.raises(NoServerError, match="not a server's address"):
        stream_url(given)
