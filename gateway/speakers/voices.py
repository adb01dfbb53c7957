"""The voices of one session: labels, enrolment, and the text of one speaker only. Pure."""

from collections.abc import Sequence

from backend.errors import ProtocolError
from backend.messages.jobs import ChannelMessage, FinalResult
from backend.messages.options import Message
from backend.messages.protocol import Error, Final, SpeechIgnored, Start
from backend.messages.served_languages import ServedLanguages
from backend.messages.voices.profiles import TargetVoice, VoiceProfile
from gateway.session.actions import Action, CloseConnection, SendEvent, StoreVoice
from gateway.speakers.enrolment import Refusal, VoiceEnrolment
from gateway.speakers.labels import BEGINNING, SpeakerLabels

UNAVAILABLE = "no running worker describes voices; `nova models pull campplus` installs the model"


class SessionVoices:
    """The voices of one session. Events of the log are observed in order; finals are completed when they are new."""

    def __init__(self, known: Sequence[VoiceProfile] = (), target: VoiceProfile | None = None) -> None:
        """`known`: the enrolled speakers that labels may name. `target`: the only speaker whose text is wanted."""
        self._labels = SpeakerLabels(known)
        self._enrolment: VoiceEnrolment | None = None
        self._judged: dict[int, Message] = {}
        self.target = TargetVoice.of(target) if target else None
        self._checks = False
        # Utterances whose text no worker has checked, and so no translation of it may be sent.
        self._withheld: set[int] = set()

    def begin(self, start: Start, served: ServedLanguages, *, is_new: bool) -> None:
        """Apply what cannot change during a session. Raises ProtocolError if a new session cannot be served."""
        self._checks = bool(start.only_speaker)
        if start.enrol and self._enrolment is None:
            self._enrolment = VoiceEnrolment(start.enrol)
        if is_new:
            check_voice_options(start, served)

    def apply_options(self, options: Start) -> None:
        """Use the options that can change."""
        self._labels.apply_options(options)

    def log_cursor(self, received: str) -> str:
        """Position after which the log must be read."""
        return BEGINNING if self._enrolment else self._labels.log_cursor(received)

    def observe(self, live: ChannelMessage) -> None:
        """Take an event of the session log into account, also one that the client has."""
        self._labels.observe(live)
        final = live.event
        if self._enrolment and live.cursor and isinstance(final, FinalResult) and final.utterance not in self._judged:
            self._judged[final.utterance] = self._enrolment.add(final)

    def events(self, final: Final) -> list[Message]:
        """The final as the client receives it, after the events about its voices."""
        event = final.event() if isinstance(final, FinalResult) else final
        judged = [self._judged[final.utterance]] if final.utterance in self._judged else []
        if not self._checks:
            return [*judged, *self._labels.labelled(event)]
        if isinstance(final, FinalResult) and final.target_checked:
            return [*judged, *final.ignored, *self._labels.labelled(event)]
        return [*judged, *self._unchecked(event)]

    def _unchecked(self, final: Final) -> list[Message]:
        """A final of a worker that has not compared the voice. Its text could be of anyone."""
        if not final.text:
            return [final]
        self._withheld.add(final.utterance)
        times = {"start_ms": final.start_ms, "end_ms": final.end_ms, "duration_ms": final.end_ms - final.start_ms}
        ignored = SpeechIgnored(utterance=final.utterance, reason="not_checked", **times)
        return [ignored, final.model_copy(update={"text": "", "words": None, "decoding": None, "translate_to": ()})]

    def is_withheld(self, utterance: int) -> bool:
        """Whether the text of this utterance, and so its translation, is not sent."""
        return utterance in self._withheld

    def conclude(self) -> list[Action]:
        """The actions at the end of a session that enrols its speaker, before `done`. Empty for other sessions."""
        if self._enrolment is None:
            return []
        made = self._enrolment.profile()
        if isinstance(made, Refusal):
            error = Error(code="enrolment_refused", message=made.message, fatal=True)
            return [SendEvent(error), CloseConnection(1008, error.code)]
        return [StoreVoice(made, self._enrolment.wanted.days)]

    def record(self) -> str:
        """The state of the labels as Redis stores it."""
        return self._labels.record()

    def restore(self, record: str) -> None:
        """Continue from a stored state."""
        self._labels.restore(record)


def check_voice_options(start: Start, served: ServedLanguages) -> None:
    """Raise ProtocolError if these options about voices contradict each other, or no worker can serve them."""
    if start.enrol and not start.enrol.consent:
        raise ProtocolError("a voice is stored only with the consent of its speaker: set consent", code="no_consent")
    if start.enrol and (start.only_speaker or start.multichannel or start.speakers):
        raise ProtocolError("enrol excludes only_speaker, speakers and multichannel", code="invalid_message")
    if start.known_speakers and not start.speakers:
        raise ProtocolError("known_speakers needs speakers", code="invalid_message")
    if (start.enrol and not served.voices) or (start.only_speaker and not served.targets):
        raise ProtocolError(UNAVAILABLE, code="speakers_unavailable")
