"""Results that a session has requested and not yet received, and the jobs to repeat when Redis loses them. Pure."""

from collections import deque
from collections.abc import Iterator

from backend.errors import ClientError
from backend.messages import protocol as wire
from backend.messages.jobs import Transcript, cursor_position
from backend.messages.options import Priority
from backend.messages.session_record import SessionRecord
from gateway.session.actions import Action, RedisAction, ResubmitTranscript, SendEvent, SubmitFinal

# Number of recent translations that are recognized as duplicates. Bounds the memory of long sessions.
REMEMBERED_TRANSLATIONS = 64
# Minimum audio lost before a resume (ms) that causes a notice.
MIN_GAP_MS = 1_000


class AudioLostError(ClientError):
    """Redis has lost an utterance that an earlier connection submitted, so only the client still has its audio."""

    code = "forgotten"

    def __init__(self) -> None:
        super().__init__(
            "the server has lost audio that only the client still has: resume the session", close_code=1012
        )


class PendingResults:
    """Durable results of one session. Each result is accepted once and in order, even when delivered several times."""

    def __init__(self, session: str, correlation_id: str) -> None:
        self._session, self._correlation_id = session, correlation_id
        # Position in the session log of the last accepted result.
        self.cursor = "0-0"
        # The last utterance with an accepted final or error. Finals arrive in order.
        self.settled = 0
        # None marks an utterance that an earlier connection submitted: its audio is not in this process.
        self._finals: dict[int, SubmitFinal | None] = {}
        self._resumed_ms = 0
        # The last utterance that an earlier connection closed.
        self._resumed_count = 0
        self._translations: dict[int, tuple[Transcript | None, set[str]]] = {}
        self._translated: deque[tuple[int, str]] = deque(maxlen=REMEMBERED_TRANSLATIONS)

    @property
    def final_count(self) -> int:
        """Closed utterances without a final."""
        return len(self._finals)

    @property
    def any_pending(self) -> bool:
        """Whether finals or translations are in flight."""
        return bool(self._finals or self._translations)

    @property
    def audio_from_ms(self) -> int | None:
        """Start of the audio without finals, or None when every final has arrived."""
        first = next(iter(self._finals.values()), None)
        if first is not None:
            return first.job.start_ms
        return self._resumed_ms if self._finals else None

    def resume(self, message: wire.Resume, record: SessionRecord) -> None:
        """Expect the results that were in flight when the earlier connection ended."""
        self.cursor, self.settled, self._resumed_ms = message.cursor, message.utterance, message.audio_from_ms
        self._resumed_count = record.count
        self._finals = dict.fromkeys(range(max(record.next, self.settled + 1), record.count + 1))
        self._translations = {number: (None, set(targets)) for number, targets in record.translating.items()}

    def expect_final(self, submit: SubmitFinal) -> None:
        self._finals[submit.job.utterance] = submit

    def advance_cursor(self, cursor: str) -> bool:
        """Move the cursor to a durable event. Return False if the event was seen before."""
        if cursor_position(cursor) <= cursor_position(self.cursor):
            return False
        self.cursor = cursor
        return True

    def accept_final(self, final: wire.Final, now: float) -> bool:
        """Return whether this final is new. After a failover, Redis may deliver one that it delivered before."""
        if final.utterance <= self.settled and not final.late:
            return False
        submit = self._finals.get(final.utterance)
        self._settle(final.utterance)
        if final.translate_to:
            transcript = Transcript(
                kind="final",
                session=self._session,
                utterance=final.utterance,
                correlation_id=self._correlation_id,
                sent_at=now,
                text=final.text,
                language=final.language,
                translate_to=final.translate_to,
                traceparent=submit.job.traceparent if submit else "",
                priority=submit.job.priority if submit else "live",
            )
            self._translations[final.utterance] = (transcript, set(final.translate_to))
        return True

    def missed_turn_end(self, final: wire.Final) -> list[Action]:
        """The end of a turn that the client may have missed, because an earlier connection was lost."""
        if final.utterance > self._resumed_count or final.late:
            return []
        return [SendEvent(wire.TurnEnd(utterance=final.utterance, end_ms=final.end_ms, silence_ms=0))]

    def accept_error(self, utterance: int) -> bool:
        """Return whether an error in place of a final, or of its translations, is new."""
        if utterance > self.settled:
            self._settle(utterance)
            return True
        return self._translations.pop(utterance, None) is not None

    def accept_translation(self, utterance: int, language: str) -> bool:
        """Return whether this translation, or the notice that there is none, is new."""
        _, targets = self._translations.get(utterance, (None, set()))
        targets.discard(language)
        if not targets:
            self._translations.pop(utterance, None)
        if (utterance, language) in self._translated:
            return False
        self._translated.append((utterance, language))
        return True

    def lost_jobs(self, known: SessionRecord, priority: Priority = "live") -> list[RedisAction]:
        """Actions that repeat the jobs missing from Redis's record, and those of a higher priority than `priority`.

        `priority` is that of new jobs. If it has become "live", no worker reads the streams of recordings any more. A
        worker that reads an old entry there later finds it answered.
        Raises AudioLostError if an earlier connection submitted one of these jobs. After each action, call
        `record_submitted_again`.
        """
        return [*self._lost_finals(known, priority), *self._lost_transcripts(known, priority)]

    def record_submitted_again(self, action: RedisAction) -> None:
        """Redis has accepted an action of `lost_jobs`. Until then, the job counts as lost."""
        match action:
            case SubmitFinal(job) if job.utterance in self._finals:
                self._finals[job.utterance] = action
            case ResubmitTranscript(transcript) if pending := self._translations.get(transcript.utterance):
                self._translations[transcript.utterance] = (transcript, pending[1])

    def _lost_finals(self, known: SessionRecord, priority: Priority) -> Iterator[RedisAction]:
        for number, submit in self._finals.items():
            # An earlier connection has submitted its jobs with the priority of the session.
            submitted = submit.job.priority if submit else known.start.priority
            if number < known.next or (number in known.closed and not _is_unread(submitted, priority)):
                continue
            if submit is None:
                raise AudioLostError
            # The endpoint was certain before the loss, so the repeated job is a plain final.
            yield SubmitFinal(submit.job.model_copy(update={"priority": priority}), submit.pcm, early=False)

    def _lost_transcripts(self, known: SessionRecord, priority: Priority) -> Iterator[RedisAction]:
        for number, (transcript, _) in self._translations.items():
            if transcript is None or number in known.translated:
                continue
            if number not in known.translating or _is_unread(transcript.priority, priority):
                yield ResubmitTranscript(transcript.model_copy(update={"priority": priority}))

    def _settle(self, utterance: int) -> None:
        self.settled = max(self.settled, utterance)
        self._finals.pop(utterance, None)


def _is_unread(submitted: Priority, priority: Priority) -> bool:
    return submitted == "recording" and priority == "live"


def missing_audio(known_ms: int, begin_ms: int) -> list[Action]:
    """The notice about audio that did not arrive before a resume, if that is enough to mention."""
    if begin_ms - known_ms < MIN_GAP_MS:
        return []
    text = f"{begin_ms - known_ms} ms of audio before position {begin_ms} ms did not reach the server"
    return [SendEvent(wire.Notice(code="audio_missing", message=text))]
