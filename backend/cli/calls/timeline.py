"""The timeline of a call: utterances, interruptions, and the latency of the text. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from backend.cli.calls.call_audio import PACKET_MS, Activity
from backend.cli.calls.results import CallTranslation, CallUtterance
from backend.load.score import Spread

# Shorter overlaps are turns that follow each other quickly.
MIN_OVERLAP_MS = 100
# The server divides long utterances. A part that begins where the one before ended begins no interruption.
_CONTINUES_MS = 40


@dataclass(frozen=True, slots=True)
class Interruption:
    """`speaker` was interrupted: both spoke for `overlap_s`."""

    speaker: int
    overlap_s: float


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """An utterance between its first and last packet of speech, without the silence that the server keeps around it.

    `latency_s` is the time between sending the last packet and receiving the text.
    """

    utterance: CallUtterance
    start_ms: int
    end_ms: int
    latency_s: float
    interrupts: Interruption | None


@dataclass(frozen=True, slots=True)
class CallSummary:
    """The finals of each speaker, in order, and the latency of all of them."""

    finals: tuple[int, ...]
    interruptions: int
    latency_s: Spread | None


class CallTimeline:
    """The timeline of one call. Times of the clock are seconds."""

    def __init__(self, activity: Sequence[Activity]) -> None:
        self._activity = activity
        # When each packet was sent.
        self._sent: list[float] = []
        self._entries: list[TimelineEntry] = []

    def packet_sent(self, now: float) -> None:
        """The next packet was sent."""
        self._sent.append(now)

    def add(self, utterance: CallUtterance, now: float) -> TimelineEntry:
        """Add a final that arrived now."""
        start_ms, end_ms = self._spoken(utterance)
        interrupts = None if self._continues(utterance) else self._interruption(utterance.speaker, start_ms, end_ms)
        entry = TimelineEntry(utterance, start_ms, end_ms, self._since_sent(end_ms, now), interrupts)
        self._entries.append(entry)
        return entry

    def translated(self, translation: CallTranslation, now: float) -> tuple[TimelineEntry, float] | None:
        """The utterance of a translation that arrived now, and the latency of the translation."""
        for entry in self._entries:
            if (entry.utterance.speaker, entry.utterance.number) == (translation.speaker, translation.number):
                return entry, self._since_sent(entry.end_ms, now)
        return None

    def summary(self) -> CallSummary:
        """The figures of all utterances so far."""
        spoken = [entry.utterance.speaker for entry in self._entries]
        finals = tuple(spoken.count(speaker) for speaker in range(len(self._activity)))
        interruptions = sum(entry.interrupts is not None for entry in self._entries)
        return CallSummary(finals, interruptions, Spread.of([entry.latency_s for entry in self._entries]))

    def _spoken(self, utterance: CallUtterance) -> tuple[int, int]:
        """The first and the last moment of speech in an utterance. The server's times if there is no speech in it."""
        first, after = utterance.start_ms // PACKET_MS, -(-utterance.end_ms // PACKET_MS)
        active = np.flatnonzero(self._activity[utterance.speaker][first:after])
        if not len(active):
            return utterance.start_ms, utterance.end_ms
        return (first + int(active[0])) * PACKET_MS, (first + int(active[-1]) + 1) * PACKET_MS

    def _since_sent(self, end_ms: int, now: float) -> float:
        packet = min(-(-end_ms // PACKET_MS), len(self._sent)) - 1
        return now - self._sent[max(packet, 0)] if self._sent else 0.0

    def _continues(self, utterance: CallUtterance) -> bool:
        own = [entry.utterance.end_ms for entry in self._entries if entry.utterance.speaker == utterance.speaker]
        return bool(own) and utterance.start_ms - own[-1] <= _CONTINUES_MS

    def _interruption(self, speaker: int, start_ms: int, end_ms: int) -> Interruption | None:
        """The speaker who began earlier and still speaks. They are known, because finals arrive in their order."""
        overlaps = [
            (min(entry.end_ms, end_ms) - start_ms, entry.utterance.speaker)
            for entry in self._entries
            if entry.utterance.speaker != speaker and entry.start_ms <= start_ms
        ]
        overlap_ms, other = max(overlaps, default=(0, speaker))
        return Interruption(other, overlap_ms / 1000) if overlap_ms >= MIN_OVERLAP_MS else None
