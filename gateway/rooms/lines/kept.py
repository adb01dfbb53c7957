"""The final captions that a view keeps for readers who arrive late. Pure."""

from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Reversible
from dataclasses import dataclass

from backend.messages.rooms.captions import Caption
from gateway.rooms.lines.frames import CaptionFrame
from gateway.rooms.lines.labels import RoomLabels, SpeakerLabel, relabelled


@dataclass(slots=True)
class KeptFrame:
    """A frame, and the label of its speaker, which may have changed since it was sent."""

    frame: CaptionFrame
    label: SpeakerLabel | None

    @property
    def caption(self) -> Caption | None:
        """The caption, with the label of its speaker when it was sent."""
        return self.frame.caption

    def current(self) -> CaptionFrame:
        """The frame with the label that stays. It is encoded again only if it has changed."""
        self.change(lambda caption: relabelled(caption, self.label))
        return self.frame

    def change(self, change: Callable[[Caption], Caption]) -> None:
        """Change the caption for readers who arrive later."""
        before = self.frame.caption
        after = change(before) if before else None
        if after and after is not before:
            self.frame = CaptionFrame.of(after, self.frame.cursor)


class KeptFrames(Reversible[KeptFrame]):
    """The last frames, in order, and those of each line."""

    def __init__(self, limit: int, labels: RoomLabels) -> None:
        self._limit, self._labels = limit, labels
        self._frames: deque[KeptFrame] = deque()
        self._by_line: defaultdict[str, deque[KeptFrame]] = defaultdict(deque)

    def append(self, frame: CaptionFrame) -> None:
        """Keep a frame. At the limit, the oldest one is dropped."""
        kept = KeptFrame(frame, self._labels.of(frame.caption) if frame.caption else None)
        self._frames.append(kept)
        self._by_line[frame.line].append(kept)
        if len(self._frames) > self._limit:
            self._drop_oldest()

    def of_line(self, line: str) -> tuple[KeptFrame, ...]:
        """The frames of a line, in order."""
        return tuple(self._by_line.get(line, ()))

    def __iter__(self) -> Iterator[KeptFrame]:
        return iter(self._frames)

    def __reversed__(self) -> Iterator[KeptFrame]:
        return reversed(self._frames)

    def _drop_oldest(self) -> None:
        line = self._frames.popleft().frame.line
        self._by_line[line].popleft()
        if not self._by_line[line]:
            del self._by_line[line]
