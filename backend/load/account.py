"""What one session sent and heard, and when. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from backend.load.monologue import Monologue
from backend.messages.jobs import SAMPLE_RATE
from backend.messages.protocol import Final, Partial, ServerMessage


@dataclass(slots=True)
class Account:
    """One session of a run. All times are seconds on the run's clock."""

    monologue: Monologue
    session: str = ""
    """Empty when it was never opened."""
    sent_at: list[float] = field(default_factory=list)
    """When each frame was given to the socket."""
    lag_s: list[float] = field(default_factory=list)
    """How much later that was than it should have been."""
    events: list[tuple[float, ServerMessage]] = field(default_factory=list)
    ended: str = ""
    """The code of what ended it, when it was not `done`."""
    reconnects: int = 0

    @property
    def spoken_s(self) -> float:
        """Seconds of audio that were sent."""
        return len(self.sent_at) * self.monologue.frame / SAMPLE_RATE

    def sent(self, sample: int) -> float | None:
        """When this sample was given to the socket; None when it never was."""
        frame = sample // self.monologue.frame
        return self.sent_at[frame] if frame < len(self.sent_at) else None

    @property
    def finals(self) -> list[tuple[float, Final]]:
        """With the times at which they came, in that order."""
        return [(at, event) for at, event in self.events if isinstance(event, Final)]

    def partials(self) -> dict[int, list[tuple[float, Partial]]]:
        """Those that show words, by utterance, in the order in which they came."""
        shown: dict[int, list[tuple[float, Partial]]] = {}
        for at, event in self.events:
            if isinstance(event, Partial) and event.committed + event.tentative:
                shown.setdefault(event.utterance, []).append((at, event))
        return shown
