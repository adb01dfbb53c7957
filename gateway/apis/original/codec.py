"""The protocol of the first Nova Voice: audio with its rate, and one text at a time. Pure.

Its clients type each `realtime` in the place of the last one until `utterance_end`. So `utterance_end` waits for the
translation, and the next utterance waits for both.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from backend.errors import ProtocolError
from backend.messages.protocol import (
    AudioFormat,
    Clear,
    Configure,
    Error,
    Final,
    Message,
    Notice,
    Partial,
    SpeechStarted,
    Start,
    Translation,
)
from gateway.apis.original.messages import (
    AudioMessage,
    LanguagePair,
    error_message,
    parse_message,
    realtime,
    status,
    utterance_end,
)
from gateway.apis.utterance_order import UtteranceOrder
from gateway.connection.codec import Decoded, DeferredReply, DirectReply, check_text
from gateway.protocols import ProtocolName
from gateway.session.actions import RepeatedNotice

# Audio after an utterance until which the next text waits for its translation.
MAX_WAIT_MS = 10_000


@dataclass(frozen=True, slots=True)
class AwaitedTranslation:
    """The translation that an utterance waits for, and the end of its speech."""

    utterance: int
    language: str
    end_ms: int


class OriginalCodec:
    """The codec of one connection. `client` is its id."""

    protocol: ProtocolName = "original"
    subprotocols: Sequence[str] = ()
    refuses_on_socket = True
    idle_timeout_s: float | None = None

    def __init__(self, client: str) -> None:
        self._client = client
        self._languages = LanguagePair()
        # Hz, once the session has started.
        self._rate: int | None = None
        self._segment = 0
        self._start_over()

    def _start_over(self) -> Sequence[str]:
        """Forget all utterances. Events of those that are not open are dropped."""
        self._order = UtteranceOrder()
        self._reset()
        return ()

    def _reset(self) -> None:
        """The next utterance begins."""
        self._text = self._translation = self._language = ""
        self._is_shown = False
        self._awaited: AwaitedTranslation | None = None

    def open(self) -> Sequence[Decoded]:
        """The first message is the status."""
        return (self._status(),)

    # --- from the client

    def decode(self, frame: str | bytes) -> Sequence[Decoded]:
        """Translate a message, or audio. Raises ProtocolError."""
        if isinstance(frame, bytes):
            return self._receive_audio(AudioMessage.parse(frame))
        check_text(frame)
        message = parse_message(frame)
        match message["type"]:
            case "set_langs":
                return self._set_languages(self._languages.updated(message))
            case "get_status":
                return (self._status(),)
            case "start_over" if self._rate is not None:
                return (Clear(), DeferredReply(build=self._start_over))
        return ()  # unknown messages have always been ignored

    def _receive_audio(self, audio: AudioMessage) -> Sequence[Decoded]:
        if not audio.pcm:
            return ()
        if self._rate is None:
            self._rate = audio.sample_rate
            start = Start(audio=AudioFormat(sample_rate=self._rate), **self._languages.options())
            return (start, audio.pcm)
        if audio.sample_rate != self._rate:
            message = f"the audio changes from {self._rate} to {audio.sample_rate} Hz"
            raise ProtocolError(message, code="invalid_audio", close_code=1007)
        return (audio.pcm,)

    def _set_languages(self, languages: LanguagePair) -> Sequence[Decoded]:
        if languages == self._languages:
            return ()
        self._languages = languages
        change = () if self._rate is None else (Configure(**languages.options()),)
        return (*change, self._status())

    def _status(self) -> DirectReply:
        return DirectReply(frames=(status(self._client, self._languages),))

    # --- to the client

    def encode(self, event: Message) -> Sequence[str]:
        """Translate a native event. Some have no counterpart."""
        match event:
            case SpeechStarted():
                self._order.open(event.utterance)
            case Partial() | Final() | Translation() | Notice(utterance=int()) | Error(utterance=int(), fatal=False):
                return self._in_order(event.utterance or 0, event)
            case Error() | Notice(language=str()):
                return [error_message(event.code, event.message)]
        return []

    def _in_order(self, utterance: int, event: Message) -> list[str]:
        frames: list[str] = []
        if isinstance(event, Partial | Final) and self._is_overdue(event.end_ms):
            frames += self._finish(self._order.first or 0)
        for due in self._order.in_order(utterance, event):
            frames += self._show(due)
        return frames

    def _is_overdue(self, position_ms: int) -> bool:
        return self._awaited is not None and position_ms > self._awaited.end_ms + MAX_WAIT_MS

    def _show(self, event: Message) -> list[str]:
        match event:
            case Partial():
                self._text, self._language = event.committed + event.tentative, event.language
                return [self._realtime()]
            case Final():
                return self._show_final(event)
            case Translation(is_final=False):
                self._translation = event.text
                return [self._realtime()]
            case Translation() if self._awaits(event.language):
                self._translation = event.text
                return [self._realtime(), *self._finish(event.utterance)]
            case Notice(utterance=int() as utterance, language=str() as language) if self._awaits(language):
                error = [] if isinstance(event, RepeatedNotice) else [error_message(event.code, event.message)]
                return [*error, *self._finish(utterance)]
            case Error(utterance=int() as utterance):
                return [error_message(event.code, event.message), *self._finish(utterance)]
        return []

    def _awaits(self, language: str) -> bool:
        return self._awaited is not None and self._awaited.language == language

    def _show_final(self, event: Final) -> list[str]:
        self._text, self._language = event.text, event.language
        # An empty final withdraws text that was shown. Noise without text is not shown at all.
        frames = [self._realtime()] if event.text or self._is_shown else []
        if event.translate_to:
            self._awaited = AwaitedTranslation(event.utterance, event.translate_to[0], event.end_ms)
            return frames
        return [*frames, *self._finish(event.utterance)]

    def _finish(self, utterance: int) -> list[str]:
        """The utterance is complete, or what it waits for will not come."""
        frames = [utterance_end(self._client)] if self._is_shown else []
        self._reset()
        self._order.settle(utterance)
        return frames

    def _realtime(self) -> str:
        self._segment += 1
        self._is_shown = True
        same = self._text if self._languages.is_target(self._language) else ""
        return realtime(self._text, self._translation or same, self._segment)

    def close_frame(self, code: int, reason: str) -> tuple[int, str]:
        """Native codes are sent as they are."""
        return code, reason

    def refusal(self, error: Error) -> str:
        """The error message."""
        return error_message(error.code, error.message)
