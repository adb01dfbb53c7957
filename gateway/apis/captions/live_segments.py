"""A room as a live HLS rendition of subtitles. Pure.

Source: RFC 8216, sections 3.5 (WebVTT segments) and 4.3 (playlists). Segments are not stored: each gateway computes the
same segment from the log of the room. A segment is published some time after its end, when the finals of its speech
are known, and does not change afterwards. A line that comes later still is moved to the next segment.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from backend.cli.files.subtitles.formats import VTT_HEADER, vtt_cue
from backend.cli.files.subtitles.timing import Cue
from backend.errors import ClientError
from backend.messages.jobs import cursor_position
from gateway.apis.captions.timed_captions import lines_in
from gateway.rooms.lines.corrections import LoggedCaption

SEGMENT_MS = 4_000
# Until a segment is published after its end. Most utterances are shorter, and players follow 12 s or more behind.
HOLD_MS = 10_000
# Segments in the playlist: a minute.
WINDOW = 15
# Captions before a segment that are read for it: spoken lines whose translation follows, and lines that are corrected.
LOOKBACK_MS = 120_000


class UnpublishedSegmentError(ClientError):
    """The segment will be published later, or the room has no captions yet."""

    code = "unknown_segment"

    def __init__(self) -> None:
        super().__init__("this segment is not published yet; follow the playlist captions.m3u8")


def published_segments(epoch_ms: int, now_ms: int) -> range:
    """The numbers of the segments in the playlist."""
    end = max((now_ms - HOLD_MS - epoch_ms) // SEGMENT_MS, 0)
    return range(max(end - WINDOW, 0), end)


def playlist(epoch_ms: int, now_ms: int, query: str) -> str:
    """The playlist. It has no end, because a later session may continue the room."""
    numbers = published_segments(epoch_ms, now_ms)
    lines = [
        "#EXTM3U",
        "#EXT-X-VERSION:3",
        f"#EXT-X-TARGETDURATION:{SEGMENT_MS // 1000}",
        f"#EXT-X-MEDIA-SEQUENCE:{numbers.start}",
    ]
    for number in numbers:
        date = f"#EXT-X-PROGRAM-DATE-TIME:{_date(epoch_ms + number * SEGMENT_MS)}"
        lines += [date, f"#EXTINF:{SEGMENT_MS / 1000:.3f},", f"captions-{number}.vtt{query}"]
    return "\n".join([*lines, ""])


def segment(number: int, epoch_ms: int, language: str, log: Sequence[LoggedCaption]) -> str:
    """One segment: every cue that is shown during it, with its full time.

    `log`: the captions since `first_needed_ms`.
    """
    start_ms = number * SEGMENT_MS
    end_ms, known_ms = start_ms + SEGMENT_MS, epoch_ms + start_ms + SEGMENT_MS + HOLD_MS
    known = [item for item in log if cursor_position(item[0])[0] < known_ms]
    cues = _cues(language, known, epoch_ms)
    # A long text in a short time has cues without a length.
    shown = [cue for cue in cues if cue.start_ms < end_ms and max(cue.end_ms, cue.start_ms + 1) > start_ms]
    return "\n".join([f"{VTT_HEADER}X-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:0\n", *map(vtt_cue, shown)])


def first_needed_ms(number: int, epoch_ms: int) -> int:
    """Unix time from which the log is needed for a segment."""
    return max(epoch_ms + number * SEGMENT_MS - LOOKBACK_MS, 0)


def _cues(language: str, log: Sequence[LoggedCaption], epoch_ms: int) -> Iterable[Cue]:
    for line in lines_in(language, log):
        # Not in a segment that was published without it.
        moved = line.moved_to(max(line.start_ms, line.logged_ms - HOLD_MS, epoch_ms))
        yield from moved.cues(epoch_ms)


def _date(unix_ms: int) -> str:
    return datetime.fromtimestamp(unix_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
