"""A room as a live HLS rendition."""

import re
from collections.abc import Iterable

from hypothesis import example, given
from hypothesis import strategies as st

from gateway.apis.captions.live_segments import HOLD_MS, SEGMENT_MS, WINDOW, playlist, published_segments, segment
from gateway.rooms.lines.corrections import LoggedCaption
from tests.unit.gateway.apis.captions.log import EPOCH_MS, spoken, translated

MINUTE_MS = 60_000


def cues(number: int, log: list[LoggedCaption], language: str = "") -> list[str]:
    """The cues of a segment, each as one line."""
    header, *found = segment(number, EPOCH_MS, language, log).rstrip("\n").split("\n\n")
    assert header == "WEBVTT\nX-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:0"
    return [" ".join(cue.split("\n")) for cue in found]


def played(log: list[LoggedCaption], numbers: Iterable[int]) -> list[str]:
    """The words that a player shows: it reads each segment once, at the moment when it is published."""
    shown: list[str] = []
    for number in numbers:
        known_ms = EPOCH_MS + (number + 1) * SEGMENT_MS + HOLD_MS
        there = [item for item in log if int(item[0].partition("-")[0]) < known_ms]
        shown += [cue for cue in cues(number, there) if cue not in shown]
    return [word for cue in shown for word in cue.split()[3:]]


def test_a_playlist_lists_the_last_minute_of_segments() -> None:
    text = playlist(EPOCH_MS, EPOCH_MS + 5 * MINUTE_MS, "?language=es")
    assert text.startswith(
        "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:4\n#EXT-X-MEDIA-SEQUENCE:57\n"
        "#EXT-X-PROGRAM-DATE-TIME:2026-11-30T00:57:08.000Z\n#EXTINF:4.000,\ncaptions-57.vtt?language=es\n"
    )
    assert text.endswith("captions-71.vtt?language=es\n")
    assert text.count("#EXTINF") == WINDOW
    assert "ENDLIST" not in text


def test_a_playlist_is_empty_until_the_first_segment_can_be_complete() -> None:
    assert "captions-" not in playlist(EPOCH_MS, EPOCH_MS + SEGMENT_MS + HOLD_MS - 1, "")
    assert published_segments(EPOCH_MS, EPOCH_MS + SEGMENT_MS + HOLD_MS) == range(1)
    assert published_segments(EPOCH_MS, EPOCH_MS - 1) == range(0)


def test_a_cue_is_in_every_segment_in_which_it_is_shown_with_its_full_time() -> None:
    log = [spoken(1, "Good morning.", 5_000), spoken(2, "Thanks.", 20_000, 1_000)]
    assert cues(0, log) == cues(1, log) == ["00:00:03.000 --> 00:00:05.500 Good morning."]
    assert cues(2, log) == []
    assert cues(4, log) == ["00:00:19.000 --> 00:00:20.500 Thanks."]


def test_a_segment_does_not_change_after_it_was_published() -> None:
    log = [spoken(1, "Good morning.", 5_000, translate_to=("es",)), translated(1, "Buenos días.", 6_000)]
    late = [spoken(2, "A long line.", 30_000, 29_000), spoken(1, "Corrected.", 40_000)]
    assert cues(1, log, "es") == cues(1, [*log, *late], "es") == ["00:00:03.000 --> 00:00:05.500 Buenos días."]


def test_a_translation_that_comes_late_is_shown_later() -> None:
    log = [spoken(1, "Good morning.", 5_000, translate_to=("es",)), translated(1, "Buenos días.", 30_000)]
    assert cues(1, log, "es") == []
    assert cues(5, log, "es") == ["00:00:20.000 --> 00:00:22.500 Buenos días."]


def test_an_arrow_in_a_text_ends_no_cue() -> None:
    assert cues(1, [spoken(1, "a --> b & c", 5_000)]) == ["00:00:03.000 --> 00:00:05.500 a --&gt; b &amp; c"]


@example([(20_000, 1, 16)])
@given(st.lists(st.tuples(st.integers(1, 20_000), st.integers(1, 30_000), st.integers(1, 30)), min_size=1, max_size=6))
def test_a_player_that_reads_each_segment_once_shows_every_word(lines: list[tuple[int, int, int]]) -> None:
    log, now_ms, words = [], 0, []
    for n, (pause_ms, length_ms, count) in enumerate(lines):
        now_ms += pause_ms + length_ms
        said = [f"w{n}x{place}" for place in range(count)]
        words += said
        log.append(spoken(n, " ".join(said), now_ms, length_ms))
    last = (now_ms + MINUTE_MS) // SEGMENT_MS
    assert sorted(re.findall(r"w\d+x\d+", " ".join(played(log, range(last))))) == sorted(words)
