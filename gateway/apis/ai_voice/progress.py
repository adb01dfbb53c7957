"""How far a session is, so that another gateway can continue it. Pure."""

from pydantic import ValidationError

from backend.messages.options import Message
from backend.messages.protocol import Resume
from gateway.apis.ai_voice.messages import ModuleStart, State

# Sequence numbers that a gateway may have used after it stored its progress: 3 partials of 0.25 s, and finals.
UNSTORED_RESULTS = 20


class VoiceProgress(Message):
    """The state of one session between its messages."""

    start: ModuleStart
    is_packed: bool = True
    state: State = "listening"
    sequence: int = 0
    """Results so far."""
    session: str = ""
    """Id of the native session."""
    token: str = ""
    cursor: str = "0-0"
    utterance: int = 0
    """Last utterance with a final or an error."""

    @classmethod
    def parse(cls, data: str) -> "VoiceProgress | None":
        """Read the progress that another gateway stored. None: there is nothing to continue."""
        try:
            found = cls.model_validate_json(data)
        except ValidationError:
            return None
        return found.model_copy(update={"sequence": found.sequence + UNSTORED_RESULTS}) if found.session else None

    def resume(self) -> Resume:
        """The message that continues the native session."""
        return Resume(session=self.session, token=self.token, cursor=self.cursor, utterance=self.utterance)

    def restarted(self) -> "VoiceProgress":
        """The same without the native session, which has expired."""
        return self.model_copy(update={"session": "", "token": "", "cursor": "0-0", "utterance": 0})
