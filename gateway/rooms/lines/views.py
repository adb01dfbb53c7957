"""A room as readers of one language see it. Pure."""

from collections import OrderedDict, deque
from collections.abc import Iterable

from backend.messages.jobs import cursor_position
from backend.messages.rooms.captions import Caption
from gateway.rooms.languages import SPOKEN, contains_language, written_language
from gateway.rooms.lines.corrections import is_corrected_by, with_correction
from gateway.rooms.lines.frames import CaptionFrame
from gateway.rooms.lines.kept import KeptFrames
from gateway.rooms.lines.labels import RoomLabels, SpeakerLabel, relabelled

# Lines whose translation is awaited. Bounds the memory when translations do not arrive.
MAX_AWAITED = 64
# Final captions that a view keeps for readers who arrive late.
MAX_KEPT = 1_000


class LanguageView:
    """The captions of a room in one language, "" as they are spoken."""

    def __init__(self, language: str = SPOKEN) -> None:
        self._language = written_language(language) if language else SPOKEN
        self._labels = RoomLabels()
        # Finals whose translation follows, by line.
        self._awaited: OrderedDict[str, tuple[Caption, SpeakerLabel | None]] = OrderedDict()
        self._last_lines: deque[str] = deque(maxlen=MAX_AWAITED)
        self._kept = KeptFrames(MAX_KEPT, self._labels)

    def apply(self, caption: Caption, cursor: str | None) -> CaptionFrame | None:
        """The frame that readers receive for a caption of the room, or None."""
        if caption.merged_speakers:
            self._labels.merge(caption.session, caption.merged_speakers)
        shown = self._correct(caption) if caption.is_correction else self._choose(caption)
        if shown is None:
            return None
        frame = CaptionFrame.of(shown, cursor)
        if cursor:
            self._kept.append(frame)
        return frame

    def after(self, cursor: str) -> list[CaptionFrame]:
        """The final captions after a position in the log."""
        position = cursor_position(cursor)
        later = (kept for kept in self._kept if cursor_position(kept.frame.cursor or "0-0") > position)
        return [kept.current() for kept in later]

    def last_lines(self, count: int) -> list[CaptionFrame]:
        """The final captions of the last lines. Corrections are left out, because they have changed what is kept."""
        shown = [kept for kept in self._kept if kept.caption and not kept.caption.is_correction]
        lines = list(dict.fromkeys(kept.frame.line for kept in reversed(shown)))[:count]
        return [kept.current() for kept in shown if kept.frame.line in lines]

    def _correct(self, correction: Caption) -> Caption | None:
        """The correction, if readers see the text that it replaces. A removed line is removed in every language."""
        own = (kept.caption for kept in reversed(self._kept.of_line(correction.line)) if kept.caption)
        shown = next((caption for caption in own if not caption.is_correction), None)
        for kept in self._kept.of_line(correction.line):
            kept.change(lambda caption: with_correction(caption, correction))
        if awaited := self._awaited.get(correction.line):
            self._awaited[correction.line] = with_correction(awaited[0], correction), awaited[1]
        if not correction.text:
            self._awaited.pop(correction.line, None)
            return correction
        return correction if shown and is_corrected_by(shown, correction) else None

    def _choose(self, caption: Caption) -> Caption | None:
        if not caption.is_translation:
            return self._spoken(caption)
        return self._translated(caption) if self._language != SPOKEN else None

    def _spoken(self, caption: Caption) -> Caption | None:
        is_own = self._language in (SPOKEN, written_language(caption.language))
        if not caption.is_final:
            # A gateway that has lost its session to another one may be late.
            return caption if is_own and caption.line not in self._last_lines else None
        self._last_lines.append(caption.line)
        if is_own or not caption.text or not contains_language(caption.translate_to, self._language):
            return caption
        self._awaited[caption.line] = caption, self._labels.of(caption)
        if len(self._awaited) > MAX_AWAITED:
            self._awaited.popitem(last=False)
        return None

    def _translated(self, caption: Caption) -> Caption | None:
        if caption.language and written_language(caption.language) != self._language:
            return None
        if caption.is_missing:
            return self._take_awaited(caption.line)
        if not caption.is_final:
            return caption if caption.line not in self._last_lines else None
        spoken = self._take_awaited(caption.line)
        if spoken is None:
            return None
        copied = spoken.model_dump(include={"speaker", "start_ms", "end_ms", "merged_speakers"})
        return caption.model_copy(update=copied)

    def _take_awaited(self, line: str) -> Caption | None:
        awaited = self._awaited.pop(line, None)
        return relabelled(*awaited) if awaited else None


def replay(view: LanguageView, captions: Iterable[tuple[str, Caption]]) -> LanguageView:
    """The view after the captions of a log, each with its cursor."""
    for cursor, caption in captions:
        view.apply(caption, cursor)
    return view
