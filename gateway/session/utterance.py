"""State of the open utterance, and the rules for its previews and early finals. Pure."""

from dataclasses import dataclass, field

from backend.messages.jobs import OPENING_MS, SAMPLE_RATE, DraftWord, HypothesisWord, PartialResult
from backend.messages.protocol import EarlyFinal, Final
from gateway.session.actions import SubmitFinal
from gateway.session.backpressure import Backpressure
from gateway.session.segmenter import Rules

# A language that a preview detects with this probability, in at least this much audio, is kept for the utterance's
# later previews, so that a worse detection does not change the language in mid-sentence.
SURE_PROBABILITY, SURE_MS = 0.8, 1_500


@dataclass(frozen=True, slots=True)
class SessionPolicy:
    """The operator's settings for sessions. `_ms` values are audio time, `_s` values are wall time."""

    rules: Rules = field(default_factory=Rules)
    preview_every_ms: int = 250
    preview_first_ms: int = 600
    preview_overdue_s: float = 2.5
    # Early finals are submitted only while answers arrive within this time. On a busy machine they would delay others.
    early_within_s: float = 1.0
    # Factor between previews under Backpressure.SLOW.
    slow_factor: int = 4


@dataclass(slots=True)
class OpenUtterance:
    """The utterance that is being spoken.

    `attempt` counts its finals: when speech continues after an early final, the next final is a new attempt.
    `revision` counts its decodes that produce a partial: only the answer to the latest one is shown.
    """

    number: int
    traceparent: str = ""
    start_sample: int = 0
    attempt: int = 0
    early: SubmitFinal | None = None
    revision: int = 0
    # When the preview in flight was requested; None when none is in flight.
    requested_at: float | None = None
    # End of the audio that the last preview covers.
    requested_sample: int = 0
    round_trip_s: float = 0.0
    # As recognized. They are shown as they are formatted, if the session wants that.
    committed: str = ""
    tentative: str = ""
    # The last partial's `committed` and `tentative`; None: the recognized ones.
    shown: tuple[str, str] | None = None
    hypothesis: tuple[HypothesisWord, ...] = ()
    draft: tuple[DraftWord, ...] = ()
    # The language in which the draft was decoded, and its probability; 0 if it is not certain.
    draft_language: str = ""
    draft_language_probability: float = 0.0
    # Preview translations by language.
    translated: dict[str, str] = field(default_factory=dict)
    # The language that a preview detected with certainty. The final detects the language itself.
    detected_language: str | None = None
    # The result of the early final, and whether the client has it.
    early_final: Final | None = None
    early_final_sent: bool = False
    # Probability that the speaker has finished, as judged in the present pause.
    turn_probability: float | None = None
    # With a target: whether another voice was found, and whether the last text was not sent because of its voice.
    has_other_voice: bool = False
    text_withheld: bool = False

    def resume(self, committed: str, *, is_formatted: bool) -> None:
        """Keep the committed words that an earlier connection has sent. Formatted, they are not the recognized ones."""
        if is_formatted:
            self.shown = (committed, "")
        else:
            self.committed = committed

    def without_contradiction(self, partial: PartialResult) -> PartialResult:
        """Keep the caption if a partial would change committed words.

        A worker of an earlier release does not know that they were formatted.
        """
        if partial.committed.startswith(self.written):
            return partial
        recognized = (self.committed, self.tentative)
        committed, tentative = self.shown or recognized
        caption = {"committed": committed, "tentative": tentative, "recognized": recognized if self.shown else None}
        return partial.model_copy(update={**caption, "hypothesis": self.hypothesis, "words": None})

    def preview_is_due(self, position: int, now: float, policy: SessionPolicy, backpressure: Backpressure) -> bool:
        """Whether no preview is in flight, or it is overdue, and enough audio has arrived since the last one."""
        opening = self._is_opening(position)
        if backpressure >= Backpressure.STOP and not opening:
            return False
        if self.requested_at is not None and now - self.requested_at < policy.preview_overdue_s:
            return False
        interval_ms = policy.preview_every_ms if self.revision else policy.preview_first_ms
        if self.revision and not self.has_text and not backpressure:
            interval_ms //= 4  # until the first words are shown, request previews as fast as answers arrive
        if backpressure and not opening:
            interval_ms *= policy.slow_factor
        return position - self.requested_sample >= interval_ms * SAMPLE_RATE // 1_000

    @property
    def written(self) -> str:
        """The committed words as the client has them."""
        return self.shown[0] if self.shown else self.committed

    @property
    def has_text(self) -> bool:
        """Whether words of the utterance are shown."""
        return bool(self.written or self.tentative)

    def _is_opening(self, position: int) -> bool:
        """Whether the first words of the utterance are still to be shown."""
        return not self.has_text and position - self.start_sample <= OPENING_MS * SAMPLE_RATE // 1_000

    def record_preview_request(self, position: int, now: float) -> None:
        """A preview of the audio up to `position` is requested."""
        self.revision += 1
        self.requested_at, self.requested_sample = now, position

    def early_final_is_useful(self, now: float, policy: SessionPolicy) -> bool:
        """Whether answers arrive fast enough for a decode before the endpoint is certain."""
        waiting_s = 0.0 if self.requested_at is None else now - self.requested_at
        return max(waiting_s, self.round_trip_s) <= policy.early_within_s

    def begin_attempt(self, now: float) -> None:
        """A final is submitted. The answer to a preview still in flight is stale from here on."""
        self.attempt += 1
        self.revision += 1
        self.requested_at = now

    def withdraw_early_final(self, now: float) -> None:
        """Speech continued, so the early attempt is void."""
        self.early = self.early_final = self.turn_probability = None
        if self.requested_at is not None:
            self.round_trip_s = max(self.round_trip_s, now - self.requested_at)
        self.requested_at = None

    def take_early_final(self, silence_ms: int) -> EarlyFinal | None:
        """The early final to send, once, if it has text."""
        final = self.early_final
        if final is None or not final.text or self.early_final_sent:
            return None
        self.early_final_sent = True
        return EarlyFinal(
            utterance=self.number,
            text=final.text,
            language=final.language,
            confidence=final.confidence,
            start_ms=final.start_ms,
            end_ms=final.end_ms,
            silence_ms=silence_ms,
            words=final.words,
            turn_probability=self.turn_probability,
        )

    def _judge_voice(self, partial: PartialResult, changed: bool) -> bool:
        """Whether the text is the target's, and new to the client. Another voice hides the rest of the utterance."""
        was_withheld = self.text_withheld
        self.has_other_voice |= partial.voice == "other"
        self.text_withheld = self.has_other_voice or partial.voice != "target"
        if partial.voice != "target":
            self.early_final = None
        return (changed or was_withheld) and not self.text_withheld

    def is_current(self, partial: PartialResult) -> bool:
        """Whether this partial answers the latest request."""
        return (partial.utterance, partial.revision) == (self.number, self.revision)

    def apply_partial(self, partial: PartialResult, now: float, *, only_target: bool = False) -> bool:
        """Store a preview's result. Return whether the visible text changed.

        `only_target`: the session wants the text of one voice only.
        """
        shown = (partial.committed, partial.tentative)
        changed = shown != (self.shown or (self.committed, self.tentative))
        if self.requested_at is not None:
            self.round_trip_s = now - self.requested_at
        self.requested_at = None
        self.committed, self.tentative = partial.recognized or shown
        self.shown, self.hypothesis = (shown if partial.recognized else None), partial.hypothesis
        spoken = partial.spoken_language or partial.language
        self.draft, self.draft_language = partial.draft, spoken
        self.early_final = partial.early_final if self.early else None
        self.turn_probability = partial.turn_probability if self.early else None
        is_sure = partial.language_probability >= SURE_PROBABILITY and partial.end_ms - partial.start_ms >= SURE_MS
        self.draft_language_probability = partial.language_probability if is_sure else 0.0
        if is_sure:
            self.detected_language = spoken
        return self._judge_voice(partial, changed) if only_target else changed
