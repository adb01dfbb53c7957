"""The ledger of a session: what it sent and what it received, with times. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from backend.errors import NovaError
from backend.messages.jobs import SAMPLE_RATE
from backend.messages.protocol import Final, Partial, ServerMessage, Translation

E = TypeVar("E")


@dataclass(slots=True)
class SessionLedger:
    """One session. The driver fills it in; all times are seconds on the driver's clock."""

    # The audio to send: s16le, 16 kHz mono, in frames of the same length.
    frames: Sequence[bytes]
    # Empty while the session has not been opened.
    session: str = ""
    # When each frame was passed to the client, and how much later than it was due.
    sent_at: list[float] = field(default_factory=list)
    lag_s: list[float] = field(default_factory=list)
    events: list[tuple[float, ServerMessage]] = field(default_factory=list)
    # What ended the session, unless it ended with `done`.
    error: Exception | None = None
    reconnects: int = 0

    @property
    def ended(self) -> str:
        """The code of the error that ended the session, or the name of its class. Empty after `done`."""
        if self.error is None:
            return ""
        return self.error.code if isinstance(self.error, NovaError) else type(self.error).__name__

    @property
    def frame_samples(self) -> int:
        return len(self.frames[0]) // 2

    @property
    def sent_s(self) -> float:
        """Seconds of audio that were sent, silence included."""
        return len(self.sent_at) * self.frame_samples / SAMPLE_RATE

    def sent_time(self, sample: int) -> float | None:
        """When this sample was passed to the client, or None if it was not sent."""
        frame = sample // self.frame_samples
        return self.sent_at[frame] if frame < len(self.sent_at) else None

    def of(self, kind: type[E]) -> list[tuple[float, E]]:
        """The events of one type with their arrival times, in order of arrival."""
        return [(at, event) for at, event in self.events if isinstance(event, kind)]

    @property
    def finals(self) -> list[tuple[float, Final]]:
        """The finals with their arrival times, in order of arrival."""
        return self.of(Final)

    def partials(self) -> dict[int, list[tuple[float, Partial]]]:
        """The partials that contain text, by utterance, in order of arrival."""
        partials: dict[int, list[tuple[float, Partial]]] = {}
        for at, event in self.of(Partial):
            if event.committed + event.tentative:
                partials.setdefault(event.utterance, []).append((at, event))
        return partials

    def text(self) -> str:
        """All finals, joined by spaces."""
        return " ".join(final.text for _, final in self.finals if final.text)

    def translation(self, language: str) -> str:
        """All final translations into one language, joined by spaces."""
        events = (event for _, event in self.of(Translation))
        return " ".join(event.text for event in events if event.language == language and event.is_final)


def split(pcm: bytes, frame_samples: int) -> list[bytes]:
    """Split s16le audio into frames of `frame_samples` samples. The last frame is padded with silence."""
    size = 2 * frame_samples
    return [pcm[at : at + size].ljust(size, b"\0") for at in range(0, len(pcm), size)]
