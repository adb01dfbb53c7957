"""Subtitle files."""

from backend.cli.files.subtitles.formats import to_srt, to_vtt
from backend.cli.files.subtitles.timing import Cue


def test_srt_is_numbered_and_has_commas_in_its_times() -> None:
    cues = [Cue(0, 1500, ("Hello",)), Cue(3_723_004, 3_724_000, ("Two", "lines"))]
    assert to_srt(cues) == ("1\n00:00:00,000 --> 00:00:01,500\nHello\n\n2\n01:02:03,004 --> 01:02:04,000\nTwo\nlines\n")


def test_text_in_srt_cannot_be_read_as_the_times_of_another_cue() -> None:
    cue = Cue(0, 1500, ("00:00:01,000 --> 00:00:09,000", "evil"))
    assert to_srt([cue]) == "1\n00:00:00,000 --> 00:00:01,500\n00:00:01,000 → 00:00:09,000\nevil\n"


def test_vtt_has_a_header_and_escapes_markup() -> None:
    assert to_vtt([Cue(0, 1500, ("a < b & c --> d",))]) == (
        "WEBVTT\n\n00:00:00.000 --> 00:00:01.500\na &lt; b &amp; c --&gt; d\n"
    )


def test_no_speech_gives_a_valid_file_without_cues() -> None:
    assert (to_srt([]), to_vtt([])) == ("", "WEBVTT\n")


def test_speakers_are_voices_in_vtt_and_names_where_they_change_in_srt() -> None:
    cues = [
        Cue(0, 900, ("One",), "Speaker 1"),
        Cue(1_000, 1_900, ("Two",), "Speaker 1"),
        Cue(2_000, 2_900, ("<Three>",), "Speaker 2"),
        Cue(3_000, 3_900, ("Four",)),
    ]
    vtt = to_vtt(cues)
    assert "\n<v Speaker 1>One</v>\n" in vtt
    assert "\n<v Speaker 1>Two</v>\n" in vtt
    assert "\n<v Speaker 2>&lt;Three&gt;</v>\n" in vtt
    assert "\nFour\n" in vtt
    texts = [block.splitlines()[2] for block in to_srt(cues).split("\n\n")]
    assert texts == ["Speaker 1: One", "Two", "Speaker 2: <Three>", "Four"]


def test_a_line_break_in_the_name_of_a_speaker_does_not_end_the_cue() -> None:
    assert "\n<v Speaker 1>One</v>\n" in to_vtt([Cue(0, 900, ("One",), "Speaker\n\n1")])
