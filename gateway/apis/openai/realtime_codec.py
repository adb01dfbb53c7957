"""OpenAI's Realtime API for transcription (platform.openai.com/docs/guides/realtime-transcription). Pure.

An utterance becomes an item. With turn detection, an item is what the speech detection cuts; without, it is what the
client commits. Deltas are committed words, so none is taken back, and together they are the transcript.
"""

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from typing import Any

from backend.messages.protocol import (
    Clear,
    ClientMessage,
    Configure,
    Error,
    Final,
    Finalize,
    Message,
    Partial,
    Ready,
    SpeechEnded,
    SpeechStarted,
    Start,
)
from gateway.apis.openai.errors import error_body, http_body
from gateway.apis.openai.formats import token_logprobs
from gateway.apis.openai.realtime_items import Items
from gateway.apis.openai.realtime_session import InvalidFieldError, TranscriptionSession
from gateway.connection.codec import Decoded, DirectReply
from gateway.protocols import ProtocolName

# OpenAI refuses to commit less audio.
MIN_COMMIT_MS = 100
# Events of conversations with a model.
_UNSERVED = ("response.", "conversation.", "output_audio_buffer.")


class RealtimeCodec:
    """The codec of one connection. `knows_model` says whether a model name is served."""

    protocol: ProtocolName = "openai_realtime"
    subprotocols: Sequence[str] = ("realtime", "openai-beta.realtime-v1")
    refuses_on_socket = False
    idle_timeout_s: float | None = None

    def __init__(self, session: TranscriptionSession, session_id: str, knows_model: Callable[[str], bool]) -> None:
        self._config, self._id, self._knows_model = session, session_id, knows_model
        self._started = self._beta = False
        self._items = Items(session_id)
        self._event_number = 0
        # Audio appended since the last commit.
        self._uncommitted_ms = 0.0
        # Frames to send once the session is open.
        self._on_ready: list[str] = []

    def configure(self, session: TranscriptionSession) -> None:
        """Begin with this configuration."""
        self._config = session

    def open(self) -> Sequence[Decoded]:
        """Greet the client."""
        return (DirectReply(frames=(self._session_event("session.created"),)),)

    # --- from the client

    def decode(self, frame: str | bytes) -> Sequence[Decoded]:
        """Translate a client event. Raises ProtocolError if it is not JSON."""
        if isinstance(frame, bytes):
            return (self._refuse("binary frames are not part of this API; use input_audio_buffer.append", "invalid"),)
        try:
            event = json.loads(frame)
        except (ValueError, RecursionError):
            return (self._refuse("the event is not valid JSON", "invalid_json"),)
        if not isinstance(event, dict) or not isinstance(event.get("type"), str):
            return (self._refuse("an event must be an object with a string 'type'", "missing_required_parameter"),)
        try:
            return self._decode(event["type"], event)
        except InvalidFieldError as error:
            return (self._refuse(error.message, "invalid_value", error.param, event),)

    def _decode(self, kind: str, event: dict[str, Any]) -> Sequence[Decoded]:
        match kind:
            case "session.update" | "transcription_session.update":
                return self._update(event, beta=kind.startswith("transcription_"))
            case "input_audio_buffer.append":
                return self._append(event)
            case "input_audio_buffer.commit":
                return self._commit(event)
            case "input_audio_buffer.clear":
                self._uncommitted_ms = 0.0
                cleared = DirectReply(frames=(self._event("input_audio_buffer.cleared"),))
                return (*self._started_first(), Clear(), cleared)
        reason = "is not served: this endpoint transcribes" if kind.startswith(_UNSERVED) else "is unknown"
        return (self._refuse(f"the event type {kind[:60]!r} {reason}", "invalid_value", "type", event),)

    def _update(self, event: dict[str, Any], *, beta: bool) -> Sequence[Decoded]:
        change = event.get("session")
        if not isinstance(change, dict):
            raise InvalidFieldError("session", "must be an object")
        session = self._config.updated_beta(change) if beta else self._config.updated(change)
        session.check(self._knows_model)
        if self._started and session.audio != self._config.audio:
            raise InvalidFieldError("session.audio.input.format", "the format cannot change after audio was sent")
        self._config, self._beta = session, beta
        updated = self._session_event("session.updated")
        if not self._started:
            self._on_ready.append(updated)
            return (self._start(),)
        return (Configure(**session.options()), DirectReply(frames=(updated,)))

    def _append(self, event: dict[str, Any]) -> Sequence[Decoded]:
        audio = event.get("audio")
        if not isinstance(audio, str):
            raise InvalidFieldError("audio", "must be a string of base64")
        try:
            data = base64.b64decode(audio, validate=True)
        except (binascii.Error, ValueError):
            raise InvalidFieldError("audio", "is not valid base64") from None
        self._uncommitted_ms += 1000 * len(data) / (self._config.format.bytes_per_second or 1)
        return (*self._started_first(), data)

    def _commit(self, event: dict[str, Any]) -> Sequence[Decoded]:
        if self._uncommitted_ms < MIN_COMMIT_MS:
            message = f"the buffer has {self._uncommitted_ms:.0f} ms of audio; at least {MIN_COMMIT_MS} ms are needed"
            return (self._refuse(message, "input_audio_buffer_commit_empty", None, event),)
        self._uncommitted_ms = 0.0
        if self._config.turn_detection is None:
            self._items.expect_commit()
        return (*self._started_first(), Finalize())

    def _started_first(self) -> Sequence[ClientMessage]:
        return () if self._started else (self._start(),)

    def _start(self) -> Start:
        self._started = True
        return Start(audio=self._config.format, partials=True, **self._config.options())

    # --- to the client

    def encode(self, event: Message) -> Sequence[str]:
        """Translate a native event. Some have no counterpart."""
        match event:
            case Ready():
                ready, self._on_ready = self._on_ready, []
                return ready
            case SpeechStarted() | SpeechEnded() | Partial() | Final():
                return [self._event(kind, **fields) for kind, fields in self._item_events(event)]
            case Error(utterance=int() as utterance, language=None, fatal=False):
                failed = self._items.fail(utterance, error_body(event))
                return [self._event(kind, **fields) for kind, fields in failed]
            case Error():
                return [self._event("error", error={**error_body(event), "event_id": None})]
        return ()

    def _item_events(
        self, event: SpeechStarted | SpeechEnded | Partial | Final
    ) -> Sequence[tuple[str, dict[str, Any]]]:
        by_turns = self._config.turn_detection is not None
        match event:
            case SpeechStarted():
                return self._items.start(event, by_turns=by_turns)
            case SpeechEnded():
                if by_turns:
                    self._uncommitted_ms = 0.0
                return self._items.end(event, by_turns=by_turns)
            case Partial():
                return self._items.extend(event)
            case Final():
                return self._items.complete(event, token_logprobs(event) if self._config.wants_logprobs else None)

    def close_frame(self, code: int, reason: str) -> tuple[int, str]:
        """Codes are those of the WebSocket protocol, which OpenAI uses as well."""
        return code, reason

    def refusal(self, error: Error) -> str:
        """OpenAI's error object."""
        return http_body(error)

    def _refuse(
        self, message: str, code: str, param: str | None = None, event: dict[str, Any] | None = None
    ) -> DirectReply:
        own_id = (event or {}).get("event_id")
        body = {"type": "invalid_request_error", "code": code, "message": message, "param": param}
        return DirectReply(
            frames=(self._event("error", error={**body, "event_id": own_id if isinstance(own_id, str) else None}),)
        )

    def _session_event(self, kind: str) -> str:
        if self._beta:
            return self._event(f"transcription_{kind}", session=self._config.as_beta_json(self._id))
        return self._event(kind, session=self._config.as_json(self._id))

    def _event(self, kind: str, **fields: Any) -> str:
        self._event_number += 1
        body = {"event_id": f"event_{self._id[-12:]}_{self._event_number}", "type": kind, **fields}
        return json.dumps(body, ensure_ascii=False, separators=(",", ":"))
