"""One transcript of several channels, in each output format."""

import json

import pytest

from backend.cli.files.channels import ChannelTranscripts, merge_channels
from backend.cli.files.transcript import FileTranscript, IncompleteError, render, render_subtitles
from backend.messages.protocol import Error, Final, Notice, ServerMessage, Translation


def said(channel: int, utterance: int, start_ms: int, text: str) -> Final:
    times = {"start_ms": start_ms, "end_ms": start_ms + 2_000}
    return Final(channel=channel, utterance=utterance, text=text, language="en", confidence=0.9, **times)


def spanish(channel: int, utterance: int, text: str) -> Translation:
    return Translation(channel=channel, utterance=utterance, language="es", text=text, is_final=True)


@pytest.fixture
def parts() -> list[FileTranscript]:
    """A call: the second side answers while the first one still speaks."""
    transcripts = ChannelTranscripts(2)
    events: list[ServerMessage] = [
        said(1, 1, 1_000, "Yes <speaking>."),
        spanish(1, 1, "Sí."),
        said(0, 1, 0, "Is this Ann?"),
        said(0, 2, 4_000, "Good."),
        spanish(0, 1, "¿Es Ann?"),
        spanish(0, 2, "Bien."),
        Notice(channel=1, code="low_level", message="The level is low."),
        Error(channel=0, code="dead_lettered", message="lost", utterance=3),
    ]
    for event in events:
        transcripts.apply_event(event)
    assert transcripts.position_ms == 6_000
    return transcripts.parts


def test_utterances_are_ordered_and_numbered_by_time(parts: list[FileTranscript]) -> None:
    merged = merge_channels(parts)
    assert [(final.utterance, final.channel, final.text) for final in merged.finals] == [
        (1, 0, "Is this Ann?"),
        (2, 1, "Yes <speaking>."),
        (3, 0, "Good."),
    ]
    assert merged.translations == {(1, "es"): "¿Es Ann?", (2, "es"): "Sí.", (3, "es"): "Bien."}
    assert [(type(problem), problem.code) for problem in merged.problems] == [(IncompleteError, "dead_lettered")]
    assert [notice.message for notice in merged.notices] == ["Channel 2: The level is low."]


def test_text_and_json_name_the_channel(parts: list[FileTranscript]) -> None:
    merged = merge_channels(parts)
    assert render(merged, "txt", ["es"]).splitlines()[:4] == [
        "Channel 1: Is this Ann?",
        "  es: ¿Es Ann?",
        "Channel 2: Yes <speaking>.",
        "  es: Sí.",
    ]
    assert [one["channel"] for one in json.loads(render(merged, "json", []))["utterances"]] == [0, 1, 0]


def test_cues_of_several_channels_may_overlap_and_name_their_voice(parts: list[FileTranscript]) -> None:
    merged = merge_channels(parts)
    assert render_subtitles(merged, "vtt", None).split("\n\n")[1:3] == [
        "00:00:00.000 --> 00:00:02.500\n<v Channel 1>Is this Ann?</v>",
        "00:00:01.000 --> 00:00:03.500\n<v Channel 2>Yes &lt;speaking&gt;.</v>",
    ]
    srt = render_subtitles(merged, "srt", "es").split("\n\n")
    assert srt[1] == "2\n00:00:01,000 --> 00:00:03,500\nChannel 2: Sí."


def test_events_of_the_whole_session_are_kept() -> None:
    transcripts = ChannelTranscripts(2)
    transcripts.apply_event(Error(code="truncated_audio", message="cut"))
    assert [problem.code for problem in merge_channels(transcripts.parts).problems] == ["truncated_audio"]
