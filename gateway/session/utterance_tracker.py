"""Turns segmenter events into jobs: previews, early finals and finals of one session's utterances. Pure.

UtteranceStarted --> previews, one in flight --> PauseDetected --> early final --+-- UtteranceEnded --> CloseUtterance
                           ^                                                     |
                           +------------- WithdrawEarlyFinal <-- SpeechResumed --+
"""

from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

from backend.messages import protocol as wire
from backend.messages.jobs import SAMPLE_RATE, PartialResult
from gateway.session.actions import (
    Action,
    CloseUtterance,
    SendEvent,
    SubmitFinal,
    SubmitPreview,
    WithdrawEarlyFinal,
    merge_early_finals,
)
from gateway.session.audio_jobs import AudioJobBuilder
from gateway.session.backpressure import Backpressure
from gateway.session.pending_results import PendingResults
from gateway.session.segmenter import (
    WINDOW,
    EndReason,
    PauseDetected,
    Segmenter,
    SegmentEvent,
    SpeechResumed,
    UtteranceEnded,
    UtteranceStarted,
)
from gateway.session.utterance import OpenUtterance, SessionPolicy

# Attempts and revisions start at epoch * PER_EPOCH after a resume, so that no answer to an earlier connection's job is
# mistaken for an answer to a new one.
PER_EPOCH = 1_000

_SAMPLES_PER_MS = SAMPLE_RATE // 1_000


class UtteranceTracker:
    """The utterances of one session. Times are Unix times in seconds."""

    def __init__(
        self, jobs: AudioJobBuilder, pending: PendingResults, policy: SessionPolicy, new_traceparent: Callable[[], str]
    ) -> None:
        self._jobs, self._pending, self._policy = jobs, pending, policy
        self._new_traceparent = new_traceparent
        self._segmenter = Segmenter(policy.rules)
        self._first_attempt = 0
        self._count = 0
        self._open: OpenUtterance | None = None
        # Whether the last closed utterance was cut because of its length.
        self._was_cut = False
        # Number and committed text of the utterance that was open when the session was resumed.
        self._resumed: tuple[int, str] = (0, "")
        self.backpressure = Backpressure.NONE

    @property
    def is_open(self) -> bool:
        return self._open is not None

    @property
    def continues_cut(self) -> bool:
        """Whether an utterance is open that was cut off from one whose final is not known yet."""
        return self.is_open and self._was_cut and self._pending.final_count > 0

    @property
    def closed_count(self) -> int:
        """Number of the last closed utterance."""
        return self._count - self.is_open

    @property
    def silence_ms(self) -> tuple[int, int]:
        """Silence at the end of the open utterance, and the silence that ends it."""
        return self._segmenter.silence_ms, self._segmenter.silence_limit_ms

    @property
    def audio_ms(self) -> int:
        """End of the received audio."""
        return self._segmenter.position // _SAMPLES_PER_MS

    @property
    def buffered_from_ms(self) -> int:
        """Start of the audio that is not in a closed utterance and may still be needed."""
        return self._segmenter.buffered_from // _SAMPLES_PER_MS

    def resume_utterance(self, epoch: int, number: int, committed: str) -> None:
        """Keep the committed text that an earlier connection has sent for its open utterance."""
        self._first_attempt = epoch * PER_EPOCH
        self._resumed = (number, committed)

    def begin_audio(self, begin_ms: int, count: int) -> None:
        """Expect audio from this position on, after `count` utterances."""
        self._segmenter = Segmenter(self._policy.rules, first_sample=begin_ms * _SAMPLES_PER_MS)
        self._count = count

    def apply_options(self, options: wire.Start) -> None:
        """Use the options about the ends of utterances from now on, also in a pause."""
        segmenter = self._segmenter
        segmenter.endpoint_ms, segmenter.endpointing = options.endpoint_ms, options.endpointing
        segmenter.cuts_in_pauses, segmenter.clause_ms = not options.turn_threshold, self._jobs.clause_ms
        if segmenter.pause_limit_ms:
            segmenter.pause_limit_ms = options.turn_max_ms if self._jobs.judges_turns else None

    def judge_turn(self, now: float) -> list[Action]:
        """End the utterance if its speaker has finished by the options in force, and its pause was judged before."""
        is_judged = self._open is not None and self._open.turn_probability is not None
        return self._judge_turn(now) if is_judged else []

    def process_windows(
        self, windows: NDArray[np.int16], probabilities: NDArray[np.float32], now: float
    ) -> list[Action]:
        """Process [n, 512] windows and their [n] speech probabilities."""
        actions = self._apply_segment_events(self._segmenter.process_windows(windows, probabilities), now)
        return merge_early_finals([*actions, *self._send_early_final(), *self.request_due_preview(now)])

    def end_utterance(self, reason: EndReason, now: float) -> list[Action]:
        """End the open utterance, because the client asked for it, no audio arrives, or the audio has ended."""
        return self._apply_segment_events(self._segmenter.end_utterance(reason), now)

    def interrupt(self, windows: int | None = None, at_ms: int | None = None) -> list[Action]:
        """Report that the user interrupts an answer, with speech of the last `windows`, or of the open utterance.

        `at_ms`: the end of the audio that decided, by default of all audio.
        """
        if self._open is None:
            return []
        position = self._segmenter.position
        start = self._open.start_sample if windows is None else position - windows * WINDOW
        event = wire.Interrupt(
            utterance=self._open.number,
            start_ms=max(start, self._open.start_sample) // _SAMPLES_PER_MS,
            at_ms=position // _SAMPLES_PER_MS if at_ms is None else at_ms,
        )
        return [SendEvent(event)]

    def is_current(self, partial: PartialResult) -> bool:
        return self._open is not None and self._open.is_current(partial)

    def discard_utterance(self, now: float) -> list[Action]:
        """Drop the audio that is not in a closed utterance. The next utterance gets the number of a dropped one."""
        actions = self._withdraw_early_final(now)
        self._segmenter.discard()
        if self._open is not None:
            # Answers to jobs of the dropped utterance must not match those of its successor.
            self._first_attempt = max(self._open.attempt, self._open.revision) + 1
            self._open = None
            self._count -= 1
        return actions

    def request_due_preview(self, now: float) -> list[Action]:
        """Request a preview if one is due.

        Only one is in flight, so the speed of the system sets their rate. An overdue one counts as lost.
        """
        utterance = self._open
        if utterance is None or utterance.early is not None or not self._jobs.options.partials:
            return []
        if not utterance.preview_is_due(self._segmenter.position, now, self._policy, self.backpressure):
            return []
        clip = self._segmenter.clip()
        assert clip is not None, "the segmenter holds the open utterance"
        utterance.record_preview_request(self._segmenter.position, now)
        return [SubmitPreview(self._jobs.build_job("preview", utterance, clip, now), clip.pcm)]

    def apply_partial(self, partial: PartialResult, now: float) -> list[Action]:
        """Send a preview's text if it changed, and request the next preview if it is due.

        The result of an early final may end the utterance, because the speaker has finished.
        """
        utterance = self._open
        if utterance is None or not utterance.is_current(partial):
            return []
        partial = utterance.without_contradiction(partial)
        changed = utterance.apply_partial(partial, now, only_target=self._jobs.target is not None)
        self._segmenter.committed_until = partial.committed_end_ms * _SAMPLES_PER_MS
        events: list[Action] = [SendEvent(partial.event())] if changed else []
        events += [*self._send_early_final(), *self._judge_turn(now)]
        return [*events, *self.request_due_preview(now)]

    def _judge_turn(self, now: float) -> list[Action]:
        """End the utterance if the speaker has finished. Noise has no words, and is no turn: silence ends it."""
        utterance = self._open
        if utterance is None or utterance.early is None or not self._jobs.judges_turns:
            return []
        probability = utterance.turn_probability if utterance.has_text else None
        if probability is None:
            self._segmenter.pause_limit_ms = None
        elif probability >= self._jobs.options.turn_threshold:
            return self.end_utterance("turn", now)
        return []

    def apply_preview_translation(self, translation: wire.Translation) -> list[Action]:
        """Send the translation of a preview unless its utterance has ended."""
        utterance = self._open
        if utterance is None or translation.utterance != utterance.number or utterance.text_withheld:
            return []
        utterance.translated[translation.language] = translation.text
        return [SendEvent(translation)]

    def drop_lost_early_final(self, known_open: str, now: float) -> None:
        """Give up an early final that Redis has lost. Speech may still continue, so it is not submitted again."""
        if self._open and self._open.early:
            early = self._open.early.job
            if known_open != f"{early.utterance}:{early.attempt}":
                self._open.withdraw_early_final(now)
                self._segmenter.pause_limit_ms = None

    def _apply_segment_events(self, events: Iterable[SegmentEvent], now: float) -> list[Action]:
        actions: list[Action] = []
        for event in events:
            match event:
                case UtteranceStarted(start_sample):
                    actions.append(self._open_utterance(start_sample))
                case PauseDetected():
                    actions += self._submit_early_final(now)
                case SpeechResumed():
                    actions += self._withdraw_early_final(now)
                case UtteranceEnded():
                    self._was_cut = event.reason == "length"
                    actions += self._close_utterance(event, now)
        return merge_early_finals(actions)

    def _open_utterance(self, start_sample: int) -> Action:
        self._count += 1
        resumed_number, committed = self._resumed
        first = self._first_attempt
        self._open = OpenUtterance(
            self._count, self._new_traceparent(), start_sample, first, revision=first, requested_sample=start_sample
        )
        if committed and resumed_number == self._count:
            self._open.resume(committed, is_formatted=bool(self._jobs.options.formatting))
        return SendEvent(wire.SpeechStarted(utterance=self._count, start_ms=start_sample // _SAMPLES_PER_MS))

    def _submit_early_final(self, now: float) -> list[Action]:
        clip, utterance = self._segmenter.clip(), self._open
        if clip is None or utterance is None or not self._jobs.options.partials or self.backpressure:
            return []
        if not utterance.early_final_is_useful(now, self._policy):
            return []
        utterance.begin_attempt(now)
        job = self._jobs.build_job("final", utterance, clip, now, in_pause=True)
        utterance.early = SubmitFinal(job, clip.pcm, early=True)
        if job.judge_turn:
            # Until the judgement arrives, and if the speaker has not finished.
            self._segmenter.pause_limit_ms = self._jobs.options.turn_max_ms
        return [utterance.early]

    def _withdraw_early_final(self, now: float) -> list[Action]:
        utterance, actions = self._open, list[Action]()
        if utterance is not None and utterance.early is not None:
            actions.append(WithdrawEarlyFinal(utterance.number, utterance.early.job.attempt))
            utterance.withdraw_early_final(now)
        if utterance is not None and utterance.early_final_sent:
            utterance.early_final_sent = False
            actions.append(SendEvent(wire.EarlyFinalWithdrawn(utterance=utterance.number)))
        return actions

    def _send_early_final(self) -> list[Action]:
        """Send the result of an early final once the client's silence has passed."""
        utterance, wanted_ms, silence_ms = self._open, self._jobs.options.early_final_ms, self._segmenter.silence_ms
        if utterance is None or not wanted_ms or silence_ms < wanted_ms:
            return []
        event = utterance.take_early_final(silence_ms)
        return [SendEvent(event)] if event else []

    def _close_utterance(self, event: UtteranceEnded, now: float) -> list[Action]:
        utterance, clip = self._open, event.clip
        assert utterance is not None, "an utterance ends once, after it started"
        ended: list[Action] = [SendEvent(wire.SpeechEnded(utterance=utterance.number, end_ms=clip.end_ms))]
        if self._jobs.options.turn_threshold and event.reason not in ("pause", "clause", "length"):
            ended.append(SendEvent(_turn_end(utterance, event)))
        if utterance.early is not None:
            self._open = None
            self._pending.expect_final(utterance.early)
            return [*ended, CloseUtterance(utterance.number, utterance.early.job.attempt, clip.end_ms)]
        # Redis may have lost an early final that the client has.
        withdrawn = self._withdraw_early_final(now)
        self._open = None
        utterance.begin_attempt(now)
        submit = SubmitFinal(self._jobs.build_job("final", utterance, clip, now), clip.pcm, early=False)
        self._pending.expect_final(submit)
        return [*withdrawn, *ended, submit]


def _turn_end(utterance: OpenUtterance, event: UtteranceEnded) -> wire.TurnEnd:
    return wire.TurnEnd(
        utterance=utterance.number,
        end_ms=event.clip.end_ms,
        silence_ms=event.silence_ms,
        probability=utterance.turn_probability,
    )
