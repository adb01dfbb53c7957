"""The transcript of a recording in each output format."""

import json

import pytest

from backend.cli.files.transcript import FileTranscript, render, render_subtitles
from backend.local.discovery import NoServerError, stream_url
from backend.messages.protocol import (
    Error,
    Final,
    Notice,
    ServerMessage,
    SpeakerSegment,
    SpeakersMerged,
    SpeechStarted,
    Translation,
    Word,
)

HELLO = Final(utterance=1, text="你好。", language="zh", confidence=0.9, start_ms=0, end_ms=1200, cursor="1-0")
NOTHING = Final(utterance=2, text="", language="zh", confidence=0, start_ms=2000, end_ms=2500, cursor="2-0")
BYE = Final(utterance=3, text="再见。", language="zh", confidence=0.8, start_ms=3000, end_ms=4000, cursor="3-0")


@pytest.fixture
def transcript() -> FileTranscript:
    built = FileTranscript()
    started = SpeechStarted(utterance=1, start_ms=0)
    pieces = (("Hel", False), ("Hello.", True))
    translations = [Translation(utterance=1, language="en", text=text, is_final=done) for text, done in pieces]
    events: list[ServerMessage] = [started, HELLO, NOTHING, *translations, BYE]
    for event in events:
        built.apply_event(event)
    return built


def test_plain_text_has_a_line_per_utterance_followed_by_its_translations(transcript: FileTranscript) -> None:
    assert render(transcript, "txt", ["en"]) == "你好。\n  en: Hello.\n再见。\n"


def test_empty_finals_are_not_rendered_but_advance_the_position(transcript: FileTranscript) -> None:
    assert [final.utterance for final in transcript.with_text] == [1, 3]
    assert transcript.position_ms == 4000


def test_json_contains_times_languages_confidence_and_translations(transcript: FileTranscript) -> None:
    written = json.loads(render(transcript, "json", ["en"]))
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


def test_subtitles_are_in_the_spoken_language_or_in_that_of_a_translation(transcript: FileTranscript) -> None:
    assert render_subtitles(transcript, "vtt", "en") == "WEBVTT\n\n00:00:00.000 --> 00:00:01.700\nHello.\n"
    assert render(transcript, "srt", ["en"]) == (
        "1\n00:00:00,000 --> 00:00:01,700\n你好。\n\n2\n00:00:03,000 --> 00:00:04,500\n再见。\n"
    )


@pytest.mark.parametrize(
    ("target", "text", "longest"),
    [
        ("zh", "我们昨天下午在公园里散步的时候遇到了一位很久没有见面的老朋友，他最近换了一份新的工作。", 16),
        ("ja", "私たちは昨日の午後、公園を散歩しているときに長い間会っていなかった古い友人に会いました。", 13),
        ("th", "เมื่อวานตอนบ่ายเราเดินเล่นในสวนสาธารณะและพบเพื่อนเก่าคนหนึ่งที่ไม่ได้เจอกันมานานมาก", 42),
    ],
)
def test_a_translation_has_the_lines_of_its_script_during_its_utterance(target: str, text: str, longest: int) -> None:
    built = FileTranscript()
    spoken = "Yesterday afternoon we met an old friend in the park."
    built.apply_event(Final(utterance=1, text=spoken, language="en", confidence=1, start_ms=2_000, end_ms=12_000))
    built.apply_event(Translation(utterance=1, language=target, text=text, is_final=True))
    blocks = [block.splitlines() for block in render_subtitles(built, "srt", target).strip().split("\n\n")]
    assert "".join(line for block in blocks for line in block[2:]) == text
    assert all(len(line) <= longest for block in blocks for line in block[2:])
    assert blocks[0][1].startswith("00:00:02,000 --> ")
    assert "00:00:12,000" <= blocks[-1][1].split(" --> ")[1] <= "00:00:12,500"


def test_errors_and_missing_translations_are_problems() -> None:
    built = FileTranscript()
    built.apply_event(Error(code="failed", message="utterance 4 could not be recognized", utterance=4))
    built.apply_event(Notice(code="translation_unavailable", message="no model", language="es"))
    built.apply_event(Notice(code="previews_slowed", message="busy"))
    assert [problem.code for problem in built.problems] == ["failed", "translation_unavailable"]


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
def test_a_server_address_may_be_abbreviated(given: str, url: str) -> None:
    assert stream_url(given) == url


@pytest.mark.parametrize("given", ["", "ftp://host", "ws://", "host:port", "ws://host:99999"])
def test_an_invalid_address_is_refused(given: str) -> None:
    with pytest.raises(NoServerError, match="not a server address"):
        stream_url(given)


@pytest.mark.parametrize("code", ["low_level", "clipped", "no_sound"])
def test_a_bad_level_is_reported_once_for_each_recording_and_is_no_problem(code: str) -> None:
    built = FileTranscript()
    for event in (code, "level_normal", code):
        built.apply_event(Notice(code=event, message="about the level"))
    assert [notice.code for notice in built.notices] == [code]
    assert built.problems == []


def test_a_substituted_language_is_a_notice_and_no_problem() -> None:
    built = FileTranscript()
    built.apply_event(Notice(code="language_substituted", message="recognized as Chinese"))
    built.apply_event(Notice(code="previews_slowed", message="busy"))
    assert [notice.code for notice in built.notices] == ["language_substituted"]
    assert built.problems == []


def conversation() -> FileTranscript:
    """Two speakers in one utterance, then a third label that turns out to be the first speaker."""
    words = tuple(
        Word(word=word, start_ms=start, end_ms=start + 400, confidence=0.9)
        for word, start in ((" Hello", 0), (" there.", 500), (" Good", 2_000), (" morning.", 2_500))
    )
    segments = (
        SpeakerSegment(speaker="1", start_ms=0, end_ms=1_450, text="Hello there."),
        SpeakerSegment(speaker="2", similarity=0.7, start_ms=1_450, end_ms=3_000, text="Good morning."),
    )
    timed = {"language": "en", "confidence": 0.9}
    both = Final(
        utterance=1,
        text="Hello there. Good morning.",
        start_ms=0,
        end_ms=3_000,
        words=words,
        speaker="2",
        speaker_segments=segments,
        **timed,
    )
    built = FileTranscript()
    last = Final(utterance=2, text="Bye.", start_ms=5_000, end_ms=6_000, speaker="3", **timed)
    for event in (both, last, SpeakersMerged(speaker="1", merged="3")):
        built.apply_event(event)
    return built


def test_each_speaker_has_a_line_of_plain_text() -> None:
    assert render(conversation(), "txt", []) == ("Speaker 1: Hello there.\nSpeaker 2: Good morning.\nSpeaker 1: Bye.\n")


def test_a_cue_has_one_speaker() -> None:
    vtt = render(conversation(), "vtt", [])
    assert [line for line in vtt.splitlines() if line.startswith("<v")] == [
        "<v Speaker 1>Hello there.</v>",
        "<v Speaker 2>Good morning.</v>",
        "<v Speaker 1>Bye.</v>",
    ]


def test_json_has_the_corrected_labels_and_the_parts() -> None:
    first, last = json.loads(render(conversation(), "json", []))["utterances"]
    assert (first["speaker"], last["speaker"]) == ("2", "1")
    assert [(part["speaker"], part["text"]) for part in first["speaker_segments"]] == [
        ("1", "Hello there."),
        ("2", "Good morning."),
    ]
