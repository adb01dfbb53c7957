"""What is known of the utterance in progress, and when its next preview is due."""

from __future__ import annotations

from dataclasses import dataclass, field

from backend.messages.jobs import SAMPLE_RATE, HypothesisWord, PartialResult
from gateway.session.actions import Submit
from gateway.session.backpressure import Backpressure
from gateway.session.segmenter import Rules

SURE_PROBABILITY, SURE_MS = 0.8, 1_500
"""From when on the language that a preview detected is kept for the rest of the utterance."""


@dataclass(frozen=True, slots=True)
class Policy:
    """The operator's choices. Milliseconds of audio, except where a name says otherwise."""

    rules: Rules = field(default_factory=Rules)
    preview_every_ms: int = 250
    preview_first_ms: int = 600
    preview_overdue_s: float = 2.5
    """Seconds of wall time."""
    early_within_s: float = 1.0
    """Early finals are sent only while answers come back this fast: on a busy machine they would be in the way."""
    slowed: int = 4
    """How many times rarer previews are while the workers fall behind."""


@dataclass(slots=True)
class OpenUtterance:
    """The utterance in progress."""

    number: int
    traceparent: str = ""
    attempt: int = 0
    """Grows with each final that is sent for it; further speech voids an early one."""
    early: Submit | None = None
    """The attempt that waits for the endpoint."""
    revision: int = 0
    """Grows with each decode that may show something; only the answer to the latest counts."""
    asked_at: float | None = None
    """When the preview in flight was asked for."""
    asked_sample: int = 0
    round_trip_s: float = 0.0
    """How long the last answer took."""
    committed: str = ""
    tentative: str = ""
    hypothesis: tuple[HypothesisWord, ...] = ()
    translated: dict[str, str] = field(default_factory=dict)
    heard: str | None = None
    """The language that a preview was sure of; later previews keep to it, the final makes up its own mind."""

    def wants_preview(self, position: int, now: float, policy: Policy, pressure: Backpressure) -> bool:
        """Whether a preview is due: none is in flight or it is overdue, and there is enough new audio."""
        if pressure >= Backpressure.STOP:
            return False
        if self.asked_at is not None and now - self.asked_at < policy.preview_overdue_s:
            return False
        least_ms = policy.preview_every_ms if self.revision else policy.preview_first_ms
        if self.revision and not (self.committed or self.tentative):
            least_ms //= 4  # who has just begun to speak waits for a sign: with every frame, as fast as answers come
        if pressure:
            least_ms *= policy.slowed
        return position - self.asked_sample >= least_ms * SAMPLE_RATE // 1_000

    def ask(self, position: int, now: float) -> None:
        """A preview of the audio up to `position` goes out."""
        self.revision += 1
        self.asked_at, self.asked_sample = now, position

    def wants_early_final(self, now: float, policy: Policy) -> bool:
        """Whether decoding before the endpoint is certain is worth it: answers come fast."""
        waiting_s = 0.0 if self.asked_at is None else now - self.asked_at
        return max(waiting_s, self.round_trip_s) <= policy.early_within_s

    def next_attempt(self, now: float) -> None:
        """A final goes out; a preview still in flight is stale from here on."""
        self.attempt += 1
        self.revision += 1
        self.asked_at = now

    def withdraw(self, now: float) -> None:
        """Speech went on: the early attempt is void."""
        self.early = None
        if self.asked_at is not None:
            self.round_trip_s = max(self.round_trip_s, now - self.asked_at)
        self.asked_at = None

    def awaits(self, partial: PartialResult) -> bool:
        """Whether this is the answer to the latest question."""
        return (partial.utterance, partial.revision) == (self.number, self.revision)

    def take(self, partial: PartialResult, now: float) -> bool:
        """Remember what was heard; whether it changes what is shown."""
        changed = (partial.committed, partial.tentative) != (self.committed, self.tentative)
        if self.asked_at is not None:
            self.round_trip_s = now - self.asked_at
        self.asked_at = None
        self.committed, self.tentative, self.hypothesis = partial.committed, partial.tentative, partial.hypothesis
        if partial.language_probability >= SURE_PROBABILITY and partial.end_ms - partial.start_ms >= SURE_MS:
            self.heard = partial.language
        return changed
