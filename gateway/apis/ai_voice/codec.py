"""The streaming-STT module's protocol: audio and state in, one text at a time out. Pure.

Frames to the client are JSON here. Its socket packs them if the client sends MessagePack.
"""

from collections.abc import Callable, Sequence
from typing import Any

from backend.errors import ProtocolError
from backend.messages.protocol import (
    Configure,
    Done,
    Error,
    Final,
    Finalize,
    Interrupt,
    Message,
    Partial,
    Ready,
    SpeechStarted,
    Start,
    Stop,
)
from gateway.apis.ai_voice.messages import MessageWriter, ModuleStart, StateChange, barge_in, decode_audio, validated
from gateway.apis.ai_voice.progress import VoiceProgress
from gateway.apis.ai_voice.wire import ReceivedMessage, parse_message
from gateway.apis.utterance_order import UtteranceOrder
from gateway.connection.codec import Decoded
from gateway.protocols import ProtocolName


class AiVoiceCodec:
    """The codec of one session.

    `session_id` is that of the subject, or a default if the client may choose one. `now` returns Unix time in seconds.
    """

    protocol: ProtocolName = "ai_voice"
    subprotocols: Sequence[str] = ()
    refuses_on_socket = True
    idle_timeout_s: float | None = None

    def __init__(
        self,
        session_id: str,
        now: Callable[[], float],
        progress: VoiceProgress | None = None,
        *,
        may_choose: bool = False,
    ) -> None:
        self._now, self._may_choose = now, may_choose
        self.progress = progress
        self._writer = MessageWriter(session_id, progress.start.speaker_id if progress else None)
        self.is_packed = progress.is_packed if progress else False
        # Whether the client has sent `end`, and whether the session to continue has expired.
        self.is_ended = self.is_unknown = False
        self._has_final = self._was_interrupted = False
        self._order = UtteranceOrder()
        self._opened = progress.utterance if progress else 0
        self._shown: set[int] = set()

    def open(self) -> Sequence[Decoded]:
        """Continue a session of another gateway, if there is one."""
        if self.progress is None:
            return ()
        if self.progress.session:
            return (self.progress.resume(),)
        return (self._native_start(self.progress),)

    # --- from the client

    def decode(self, frame: str | bytes) -> Sequence[Decoded]:
        """Translate a message. Raises ProtocolError."""
        if self.is_ended:
            return ()
        message = parse_message(frame)
        self.is_packed = message.is_packed
        if message.kind == "start":
            return self._start(ModuleStart.parse(message.fields))
        if self.progress is None:
            raise ProtocolError(f"{message.kind[:40]!r} before 'start'", code="not_started")
        return (*self._listen_again(), *self._decode(message))

    def _start(self, start: ModuleStart) -> Sequence[Decoded]:
        if self._may_choose and start.session_id:
            self._writer.session_id = start.session_id
        self._writer.speaker_id = start.speaker_id
        before, progress = self.progress, VoiceProgress(start=start, state=start.state, is_packed=self.is_packed)
        if before is None:
            self.progress = progress
            return (self._native_start(progress),)
        if before.start.audio != start.audio:
            raise ProtocolError("the format of the audio differs from that of the first 'start'", code="invalid_audio")
        # The client has started again, without an end.
        self._update(start=start, state=start.state, is_packed=self.is_packed)
        return (Finalize(), *self._listen_again(), start.changes())

    @staticmethod
    def _native_start(progress: VoiceProgress) -> Start:
        now = progress.start.model_copy(update={"state": progress.state})
        return now.native()

    def _listen_again(self) -> Sequence[Decoded]:
        """After an interruption, the module listens until the state changes again."""
        if not self._was_interrupted:
            return ()
        self._was_interrupted = False
        return (Configure(**barge_in("listening")),)

    def _decode(self, message: ReceivedMessage) -> Sequence[Decoded]:
        match message.kind:
            case "chunk":
                audio = decode_audio(message.fields)
                return (audio,) if audio else ()
            case "state_change":
                change = validated(StateChange, message.fields, "state_change")
                self._update(state=change.state)
                return (Configure(**barge_in(change.state, change.playing)),)
            case "end":
                self.is_ended = True
                return (Stop(),)
        raise ProtocolError(f"unknown message type {message.kind[:40]!r}", code="unknown_type", fatal=False)

    # --- to the client

    def encode(self, event: Message) -> Sequence[str]:
        """Translate a native event. Some have no counterpart."""
        match event:
            case Ready():
                self._update(session=event.session, token=event.resume_token)
            case SpeechStarted():
                self._open_utterance(event.utterance)
            case Partial() | Final() | Error(utterance=int(), fatal=False):
                return self._in_order(event)
            case Interrupt():
                self._was_interrupted = True
                self._update(state="listening")
                return [self._writer.interrupt(self._now())]
            case Error():
                return self._error(event)
            case Done() if not self._has_final:
                # Clients wait for a final result, also if nothing was said.
                return [self._result("", is_final=True)]
        return []

    def _error(self, event: Error) -> list[str]:
        if event.code == "unknown_session" and self.progress and self.progress.session:
            self.is_unknown = True
            return []
        return [self._writer.error(event, self._now())]

    def _open_utterance(self, utterance: int) -> None:
        """Each utterance, once. Those that began on another gateway are known by their results."""
        if utterance > self._opened:
            self._opened = utterance
            self._order.open(utterance)

    def _in_order(self, event: Partial | Final | Error) -> list[str]:
        utterance = event.utterance or 0
        self._open_utterance(utterance)
        frames: list[str] = []
        for due in self._order.in_order(utterance, event):
            frames += self._show(due)
        return frames

    def _show(self, event: Message) -> list[str]:
        match event:
            case Partial():
                self._shown.add(event.utterance)
                return [self._result(event.committed + event.tentative, is_final=False)]
            case Final():
                return self._show_final(event)
            case Error(utterance=int() as utterance):
                self._settle(utterance, event.cursor)
                return [self._writer.error(event, self._now())]
        return []

    def _show_final(self, event: Final) -> list[str]:
        was_shown = event.utterance in self._shown
        self._settle(event.utterance, event.cursor)
        # An empty final withdraws text that was shown. Noise without text is not shown at all.
        if not event.text and not was_shown:
            return []
        self._has_final = True
        return [self._result(event.text, is_final=True, speaker=event.speaker)]

    def _settle(self, utterance: int, cursor: str) -> None:
        self._order.settle(utterance)
        self._shown.discard(utterance)
        self._update(utterance=utterance, **({"cursor": cursor} if cursor else {}))

    def _result(self, text: str, *, is_final: bool, speaker: str | None = None) -> str:
        assert self.progress
        number, state = self.progress.sequence, self.progress.state
        self._update(sequence=number + 1)
        return self._writer.result(text, number, state, self._now(), is_final=is_final, speaker=speaker)

    def _update(self, **changes: Any) -> None:
        if self.progress:
            self.progress = self.progress.model_copy(update=changes)

    def close_frame(self, code: int, reason: str) -> tuple[int, str]:
        """Native codes are sent as they are."""
        return code, reason

    def refusal(self, error: Error) -> str:
        """The error message."""
        return self._writer.error(error, self._now())
