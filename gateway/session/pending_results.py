"""What a session has asked for and not yet got; and what it must ask for again when Redis has lost it. Pure."""

from __future__ import annotations

from collections import deque

from backend.errors import ClientError
from backend.messages import protocol as wire
from backend.messages.jobs import Transcript
from backend.messages.session_record import SessionRecord
from gateway.session.actions import Action, Submit, Translate

REMEMBERED = 64
"""Translations after which one that comes again is not recognized as such."""


class ForgottenError(ClientError):
    """Redis has lost an utterance that another connection submitted."""

    code = "forgotten"

    def __init__(self) -> None:
        super().__init__("the server has lost speech that only the client still has: resume", close_code=1012)


class PendingResults:
    """Durable results: each is taken once and in order, however often and by whatever way it comes."""

    def __init__(self, session: str, correlation_id: str) -> None:
        self._session, self._correlation_id = session, correlation_id
        self.cursor = "0-0"
        """Place in the log of the last result taken."""
        self.settled = 0
        """The last utterance whose final, or error, was taken; they come in order."""
        self._finals: dict[int, Submit | None] = {}
        self._resumed_ms = 0
        self._translations: dict[int, tuple[Transcript | None, set[str]]] = {}
        self._translated: deque[tuple[int, str]] = deque(maxlen=REMEMBERED)

    @property
    def finals(self) -> int:
        """Closed utterances whose final has not come yet."""
        return len(self._finals)

    @property
    def anything(self) -> bool:
        """Whether finals or translations are on their way."""
        return bool(self._finals or self._translations)

    @property
    def from_ms(self) -> int | None:
        """Where the audio begins whose finals have not come; None when all have."""
        first = next(iter(self._finals.values()), None)
        if first is not None:
            return first.job.start_ms
        return self._resumed_ms if self._finals else None

    def resume(self, message: wire.Resume, record: SessionRecord) -> None:
        """Wait for what the session waited for when it was left."""
        self.cursor, self.settled, self._resumed_ms = message.cursor, message.utterance, message.audio_from_ms
        self._finals = dict.fromkeys(range(max(record.next, self.settled + 1), record.count + 1))
        self._translations = {number: (None, set(targets)) for number, targets in record.translating.items()}

    def expect(self, submit: Submit) -> None:
        """This is the final of its utterance: one result will come."""
        self._finals[submit.job.utterance] = submit

    def is_new(self, cursor: str) -> bool:
        """Whether a durable event is taken for the first time; call it once for each."""
        if _place(cursor) <= _place(self.cursor):
            return False
        self.cursor = cursor
        return True

    def final(self, final: wire.Final, now: float) -> bool:
        """Whether this result is news: after a failover Redis may have forgotten that it gave it before."""
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
            )
            self._translations[final.utterance] = (transcript, set(final.translate_to))
        return True

    def error(self, utterance: int) -> bool:
        """Whether an error in the place of a final, or of translations, is news."""
        if utterance > self.settled:
            self._settle(utterance)
            return True
        return self._translations.pop(utterance, None) is not None

    def translation(self, utterance: int, language: str) -> bool:
        """Whether this translation, or the word that there is none, is news."""
        _, targets = self._translations.get(utterance, (None, set()))
        targets.discard(language)
        if not targets:
            self._translations.pop(utterance, None)
        if (utterance, language) in self._translated:
            return False
        self._translated.append((utterance, language))
        return True

    def lost(self, known: SessionRecord) -> list[Action]:
        """What to ask for again, as Redis knows nothing of it. Raises ForgottenError where only the client can."""
        actions: list[Action] = []
        for number, submit in self._finals.items():
            if number >= known.next and number not in known.closed:
                if submit is None:
                    raise ForgottenError
                actions.append(Submit(submit.job, submit.pcm, early=False))
        for number, (transcript, _) in self._translations.items():
            if transcript and number not in known.translating and number not in known.translated:
                actions.append(Translate(transcript))
        return actions

    def _settle(self, utterance: int) -> None:
        self.settled = max(self.settled, utterance)
        self._finals.pop(utterance, None)


def _place(cursor: str) -> tuple[int, int]:
    """A log entry's id as numbers, which is how Redis orders them."""
    milliseconds, _, count = cursor.partition("-")
    return int(milliseconds), int(count or 0)
