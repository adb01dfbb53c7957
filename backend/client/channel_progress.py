"""The progress of one channel of a session, or of a session that is not divided into channels. Pure."""

from backend.messages.channels import ChannelPosition, ChannelResume
from backend.messages.protocol import Error, Final, Partial, ServerMessage, SpeechEnded, Translation


class ChannelProgress:
    """The state that a client needs to resume a channel. Numbers of utterances are those of the channel."""

    def __init__(self, begin: ChannelPosition) -> None:
        # Cursor of the last durable event.
        self.cursor = "0-0"
        # Audio before this position has a final or an error.
        self.covered_ms = begin.audio_from_ms
        # The highest utterance that has a final or an error.
        self._last_settled = begin.utterance
        # Utterance and committed text of the last partial.
        self._committed = (0, "")
        self._finals: set[int] = set()
        self._ends_ms: dict[int, int] = {}

    def apply_event(self, event: ServerMessage) -> bool:
        """Record an event. Returns False for a final that was already received."""
        if isinstance(event, Final | Translation | Error) and event.cursor:
            self.cursor = event.cursor
        match event:
            case Partial():
                self._committed = (event.utterance, event.committed)
            case SpeechEnded():
                self._ends_ms[event.utterance] = event.end_ms
            case Error(utterance=int() as utterance):
                # An error carries no times; the end of the utterance is known from `speech_ended`.
                self._settle(utterance, self._ends_ms.get(utterance, 0))
            case Final() if event.utterance in self._finals:
                return False
            case Final():
                self._finals.add(event.utterance)
                self._settle(event.utterance, event.end_ms)
        return True

    def _settle(self, utterance: int, end_ms: int) -> None:
        self._last_settled = max(self._last_settled, utterance)
        self._ends_ms.pop(utterance, None)
        self.covered_ms = max(self.covered_ms, end_ms)

    def resume_state(self, audio_from_ms: int) -> ChannelResume:
        """The state for `resume`. `audio_from_ms` is the oldest audio that can be sent again."""
        utterance, committed = self._committed
        return ChannelResume(
            cursor=self.cursor,
            audio_from_ms=audio_from_ms,
            utterance=self._last_settled,
            open_utterance=utterance,
            committed=committed,
        )

    def restart_position(self, audio_from_ms: int) -> ChannelPosition:
        """Where the channel continues in a new session."""
        return ChannelPosition(audio_from_ms=max(audio_from_ms, self.covered_ms), utterance=self._last_settled)
