"""A live session as a pure state machine: messages, audio windows, results and the time go in, actions come out.

No I/O and no clock. The connection executes the returned actions in order and passes results back. All times are Unix
times in seconds.
"""

from collections.abc import Callable, Collection
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from backend.errors import ProtocolError
from backend.messages import protocol as wire
from backend.messages.jobs import ChannelMessage, PartialResult
from backend.messages.options import Priority
from backend.messages.rooms.sharing import Sharing
from backend.messages.served_languages import ServedLanguages
from backend.messages.session_record import SessionRecord
from gateway.audio.barge_in import BargeIn
from gateway.session.actions import Action, CloseConnection, RedisAction, RenewRecord, RepeatedNotice, SendEvent
from gateway.session.audio_jobs import AudioJobBuilder
from gateway.session.backpressure import NOTICES, Backpressure, SentNotices
from gateway.session.pending_results import PendingResults, missing_audio
from gateway.session.slips import VERDICTS, State, rejection
from gateway.session.utterance import SessionPolicy
from gateway.session.utterance_tracker import UtteranceTracker
from gateway.speakers.voices import SessionVoices


class Session:
    """One client's session."""

    def __init__(
        self,
        session: str,
        correlation_id: str,
        policy: SessionPolicy,
        new_traceparent: Callable[[], str] = lambda: "",
        served: Callable[[], ServedLanguages] = ServedLanguages,
        job_priority: Callable[[wire.Start], Priority] = lambda start: start.priority,
        voices: SessionVoices | None = None,
        read_languages: Callable[[], Collection[str]] = tuple,
        hotwords: str = "",
    ) -> None:
        """`new_traceparent` returns the identity of a new trace for an utterance, or "" when tracing is off.

        `served` returns what the workers announce, `read_languages` what its room is read in. `voices`: those it names.
        """
        self.id, self.correlation_id = session, correlation_id
        self.state: State = "new"
        self.epoch = 0
        self._jobs = AudioJobBuilder(session, correlation_id, job_priority, read_languages, hotwords)
        self._pending = PendingResults(session, correlation_id)
        self._utterances = UtteranceTracker(self._jobs, self._pending, policy, new_traceparent)
        self._barge_in = BargeIn()
        self._voices = voices or SessionVoices()
        self._jobs.target = self._voices.target
        self._served = served
        self._notices = SentNotices()
        self._reported_stopped = False
        # Its room, and the languages of its client.
        self.sharing = Sharing()

    @property
    def options(self) -> wire.Start:
        """The options in force, and the audio format."""
        return self._jobs.options

    @property
    def cursor(self) -> str:
        """Position in the session log of the last durable event."""
        return self._pending.cursor

    @property
    def log_cursor(self) -> str:
        """Position after which the log is read. Finals that the client has may be needed to label the next ones."""
        return self._voices.log_cursor(self.cursor)

    @property
    def pending_finals(self) -> int:
        """Closed utterances without a final."""
        return self._pending.final_count

    @property
    def awaits_language(self) -> bool:
        """Whether finals in flight may show the language of what follows."""
        return self.state == "open" and self._jobs.awaits_language and self.pending_finals > 0

    @property
    def awaits_context(self) -> bool:
        """Whether a final in flight has the text that the open utterance continues.

        A recording does not wait for it: its utterances are decoded by as many workers as there are.
        """
        return self.state == "open" and self.options.priority == "live" and self._utterances.continues_cut

    @property
    def has_pending_results(self) -> bool:
        """Whether finals or translations are in flight."""
        return self._pending.any_pending

    @property
    def is_idle(self) -> bool:
        """Whether no result is in flight and no utterance is open."""
        return not self.has_pending_results and not self._utterances.is_open

    @property
    def silence_ms(self) -> tuple[int, int]:
        """Silence at the end of the open utterance, and the silence that ends it."""
        return self._utterances.silence_ms

    @property
    def audio_ms(self) -> int:
        """End of the received audio."""
        return self._utterances.audio_ms

    def record(self) -> SessionRecord:
        """The session as Redis should know it."""
        return SessionRecord(
            start=self.options,
            correlation_id=self.correlation_id,
            epoch=self.epoch,
            next=self._pending.settled + 1,
            count=self._utterances.closed_count,
            audio_ms=self._utterances.buffered_from_ms,
            speakers=self._voices.record(),
            sharing=self.sharing,
        )

    def minimal_record(self) -> SessionRecord:
        """The record for a Redis that has lost the session: only utterances with a result count as closed."""
        record, from_ms = self.record(), self._pending.audio_from_ms
        return replace(record, count=self._pending.settled, audio_ms=record.audio_ms if from_ms is None else from_ms)

    # --- messages and audio from the client

    def receive_message(self, message: wire.ClientMessage, now: float) -> list[Action]:
        """Handle a message. Raises ProtocolError if the state does not allow it, or its content is invalid.

        After `start`, the error is not fatal, and the session stays as it was.
        """
        if not self.accepts(message.type):
            return []
        match message:
            case wire.Start():
                self._voices.begin(message, self._served(), is_new=True)
                self._pending.settled = message.utterance
                return self._begin(message, message.audio_from_ms, message.utterance, self._served())
            case wire.Configure():
                return self._configure(message, now)
            case wire.Finalize():
                return self._utterances.end_utterance("finalize", now)
            case wire.Clear():
                self._barge_in.restart()
                return self._utterances.discard_utterance(now)
            case wire.Stop():
                actions = self._utterances.end_utterance("stop", now)
                self.state = "stopping"
                return actions + self._finish_if_done()
        return []

    def resume(self, message: wire.Resume, record: SessionRecord) -> list[Action]:
        """Continue a session of an earlier connection. Results that it missed follow in the log, after `cursor`."""
        self.epoch, self.sharing = record.epoch, record.sharing
        self._pending.resume(message, record)
        self._utterances.resume_utterance(record.epoch, message.open_utterance, message.committed)
        self._voices.begin(record.start, self._served(), is_new=False)
        self._voices.restore(record.speakers)
        begin_ms = max(record.audio_ms, message.audio_from_ms)
        utterance_count = max(record.count, record.next - 1, message.utterance)
        actions = self._begin(record.start, begin_ms, utterance_count, self._served().abilities)
        return [*actions, *missing_audio(record.audio_ms, begin_ms)]

    def receive_audio(self, windows: NDArray[np.int16], probabilities: NDArray[np.float32], now: float) -> list[Action]:
        """Process [n, 512] windows and their [n] speech probabilities. Raises ProtocolError as `accepts`."""
        if not self.accepts("audio"):
            return []
        actions = self._utterances.process_windows(windows, probabilities, now)
        began = self._barge_in.process_windows(windows, probabilities)
        return [*actions, *self._interrupt(began)] if began is not None else actions

    def accepts(self, kind: str) -> bool:
        """Return whether to handle a message of this type, or "audio"; otherwise it is ignored.

        Raises ProtocolError if the client should know that the state does not allow it.
        """
        verdict = VERDICTS[self.state][kind]
        if verdict == "ignore" or (verdict == "once" and self._reported_stopped):
            return False
        self._reported_stopped |= verdict == "once"
        if verdict != "accept":
            raise rejection(self.state, kind)
        return True

    def _configure(self, message: wire.Configure, now: float) -> list[Action]:
        try:
            limits = self._apply_options(message.applied_to(self.options), self._served())
        except ProtocolError as error:
            error.fatal = False  # the previous options stay in force
            raise
        return [*limits, *self._utterances.judge_turn(now), RenewRecord(self.record())]

    def _begin(self, options: wire.Start, begin_ms: int, utterance_count: int, served: ServedLanguages) -> list[Action]:
        self._utterances.begin_audio(begin_ms, utterance_count)
        limits = self._apply_options(options, served)
        self.state = "open"
        ids = {"session": self.id, "correlation_id": self.correlation_id}
        return [SendEvent(wire.Ready(**ids, audio_from_ms=begin_ms, cursor=self.cursor)), *limits]

    def _apply_options(self, options: wire.Start, served: ServedLanguages) -> list[Action]:
        limits = self._jobs.apply_options(options, served)
        self.sharing = self.sharing.applied(options.room or "", options.translate_to, self.cursor)
        self._barge_in.apply_options(self._jobs.options)
        self._voices.apply_options(options)
        self._utterances.apply_options(options)
        return [action for event in limits for action in self._notices.once(event)]

    # --- the time and the load of the system

    def end_utterance(self, now: float) -> list[Action]:
        """End the utterance in progress, if there is one: the client has sent no audio for as long as an endpoint."""
        return self._utterances.end_utterance("silence", now)

    def request_due_preview(self, now: float) -> list[Action]:
        """Request a preview if one is due. An overdue preview counts as lost."""
        return self._utterances.request_due_preview(now)

    def set_backpressure(self, level: Backpressure) -> list[Action]:
        """Adapt the rate of previews to the level, and notify the client of a change."""
        # For an open session, REFUSE has the same effect as STOP.
        before, after = (min(one, Backpressure.STOP) for one in (self._utterances.backpressure, level))
        self._utterances.backpressure = level
        if after == before or self.state != "open" or not self.options.partials:
            return []
        code, message = NOTICES[after]
        return [SendEvent(wire.Notice(code=code, message=message))]

    # --- results from the workers

    def apply_result(self, live: ChannelMessage, now: float) -> list[Action]:
        """Apply a result. Durable ones are applied once and in order, even if channel and log both deliver them."""
        self._voices.observe(live)
        if live.cursor is not None and not self._pending.advance_cursor(live.cursor):
            return []
        return self._apply_event(live, now) + self._finish_if_done()

    def _apply_event(self, live: ChannelMessage, now: float) -> list[Action]:
        match live.event:
            case PartialResult() as partial:
                is_own = self._utterances.is_current(partial) and self._barge_in.process_text(partial)
                interrupt = self._interrupt(at_ms=partial.end_ms) if is_own else []
                return [*interrupt, *self._utterances.apply_partial(partial, now)]
            case wire.Final() as final:
                return self._apply_final(final, now)
            case wire.Translation(is_final=False) as translation:
                return self._utterances.apply_preview_translation(translation)
            case wire.Translation(utterance=utterance, language=language) as translation:
                is_new = self._pending.accept_translation(utterance, language)
                return [SendEvent(translation)] if is_new and not self._voices.is_withheld(utterance) else []
            case wire.Error(utterance=int() as utterance) as error:
                return [SendEvent(error)] if self._pending.accept_error(utterance) else []
            case wire.Notice() as notice:
                return self._apply_notice(notice, durable=live.cursor is not None)
        return []

    def _interrupt(self, windows: int | None = None, at_ms: int | None = None) -> list[Action]:
        actions = self._utterances.interrupt(windows, at_ms)
        self._barge_in.was_sent = bool(actions)
        return actions

    def recover_lost_jobs(self, known: SessionRecord, now: float) -> list[RedisAction]:
        """Submit the jobs again that a Redis with this record of the session has lost, or that no worker reads."""
        self._utterances.drop_lost_early_final(known.open, now)
        return self._pending.lost_jobs(known, self._jobs.priority)

    def record_submitted_again(self, action: RedisAction) -> None:
        """Redis has accepted one of these jobs."""
        self._pending.record_submitted_again(action)

    def _apply_final(self, final: wire.Final, now: float) -> list[Action]:
        if not self._pending.accept_final(final, now):
            return []
        missed = self._pending.missed_turn_end(final) if self.options.turn_threshold else []
        self._jobs.learn_from(final)
        return [*missed, *map(SendEvent, self._voices.events(final))]

    def _apply_notice(self, notice: wire.Notice, *, durable: bool) -> list[Action]:
        # A durable notice with a language takes the place of a final translation. One about a preview does not.
        if durable and notice.utterance and notice.language:
            self._pending.accept_translation(notice.utterance, notice.language)
            return self._notices.once(notice) or [SendEvent(RepeatedNotice(**dict(notice)))]
        return self._notices.once(notice)

    def _finish_if_done(self) -> list[Action]:
        if self.state != "stopping" or self.has_pending_results:
            return []
        self.state = "done"
        return self._voices.conclude() or [SendEvent(wire.Done()), CloseConnection()]
