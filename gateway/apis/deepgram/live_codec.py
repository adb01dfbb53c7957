"""Deepgram's live API, `/v1/listen` over a WebSocket. Pure.

Each utterance gets one `Results` that is final, and before it any number that are not. Word times come with the final
one only, because partials have none.
"""

import hashlib
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from backend.errors import ProtocolError
from backend.messages.protocol import (
    Done,
    Error,
    Final,
    Finalize,
    Keepalive,
    Message,
    Partial,
    SpeechEnded,
    SpeechStarted,
)
from gateway.apis.deepgram.messages import alternative, close_frame, error_body, metadata, results
from gateway.apis.deepgram.parameters import ListenParameters
from gateway.apis.received_audio import ReceivedAudio
from gateway.apis.utterance_ends import UtteranceEnds
from gateway.connection.codec import Decoded, DeferredReply, check_text
from gateway.protocols import ProtocolName

# Deepgram closes a connection that has sent neither audio nor a message for this long (error NET-0001).
IDLE_S = 10.0


class LiveCodec:
    """The codec of one connection."""

    protocol: ProtocolName = "deepgram_live"
    subprotocols: Sequence[str] = ("token", "bearer")
    refuses_on_socket = False

    def __init__(self, parameters: ListenParameters, request_id: str, created: datetime) -> None:
        self._parameters, self._request_id, self._created = parameters, request_id, created
        self._audio = ReceivedAudio(parameters.audio, parameters.options)
        self._hash = hashlib.sha256()
        # Whether a `Finalize` has not found its utterance yet, and the utterances that one has ended.
        self._finalizing = False
        self._finalized: set[int] = set()
        self._ends = UtteranceEnds()
        # End of the last word, if it is to be followed by `UtteranceEnd`.
        self._last_word_ms: int | None = None

    @property
    def idle_timeout_s(self) -> float | None:
        """Results after the end of the audio may take longer."""
        return None if self._audio.is_stopped else IDLE_S

    def open(self) -> Sequence[Decoded]:
        """Start at once if the format is known, otherwise with the first audio."""
        return self._audio.start()

    # --- from the client

    def decode(self, frame: str | bytes) -> Sequence[Decoded]:
        """Translate a control message, or audio. Raises ProtocolError."""
        if isinstance(frame, bytes):
            return self._receive_audio(frame) if frame else self._audio.stop()
        check_text(frame)
        try:
            message = json.loads(frame)
            kind = message["type"]
        except (ValueError, TypeError, KeyError, RecursionError):
            raise ProtocolError("a text message must be a JSON object with a type", code="invalid_json") from None
        match kind:
            case "KeepAlive":
                return (Keepalive(),) if self._audio.is_started else ()
            case "Finalize":
                self._finalizing = True
                return (Finalize(), DeferredReply(build=self._answer_finalize)) if self._audio.is_started else ()
            case "CloseStream":
                return self._audio.stop()
        raise ProtocolError(f"unknown message type {str(kind)[:40]!r}", code="unknown_type", fatal=False)

    def _receive_audio(self, data: bytes) -> Sequence[Decoded]:
        if self._audio.is_stopped:
            return ()
        self._hash.update(data)
        audio = self._audio.receive(data)
        if not self._audio.is_started or self._parameters.utterance_end_ms is None:
            return audio
        return (*audio, DeferredReply(build=self._utterance_end))

    # --- to the client

    def encode(self, event: Message) -> Sequence[str]:
        """Translate a native event. Some have no counterpart."""
        match event:
            case SpeechStarted():
                self._last_word_ms = None
                self._ends.begin(event)
                started = {"type": "SpeechStarted", "channel": [0, 1], "timestamp": event.start_ms / 1000}
                return [_json(started)] if self._parameters.vad_events else []
            case SpeechEnded():
                self._ends.end(event)
                if self._finalizing:
                    self._finalizing = False
                    self._finalized.add(event.utterance)
            case Partial():
                return [_json(self._interim(event))]
            case Final():
                return [_json(self._final(event))]
            case Error(fatal=False, utterance=int() as utterance, language=None):
                return self._failed(utterance, event)
            case Error():
                return [_json(_error(event))]
            case Done():
                return [_json({"type": "Metadata", **self._metadata()})]
        return []

    def _interim(self, event: Partial) -> dict[str, Any]:
        text = event.committed + event.tentative
        return results(
            self._request_id, alternative(text, 0.0), start_ms=event.start_ms, end_ms=event.end_ms, is_final=False
        )

    def _final(self, event: Final) -> dict[str, Any]:
        end, is_finalized = self._ends.settle(event.utterance), event.utterance in self._finalized
        self._finalized.discard(event.utterance)
        if event.words and self._ends.last is None:
            self._last_word_ms = event.words[-1].end_ms
        return results(
            self._request_id,
            alternative(event.text, event.confidence, [event]),
            start_ms=event.start_ms,
            end_ms=event.end_ms,
            is_final=True,
            speech_final=self._parameters.endpointing and not end.is_cut,
            from_finalize=is_finalized,
        )

    def _failed(self, utterance: int, event: Error) -> Sequence[str]:
        """Report an utterance without a final, which cannot confirm a `Finalize`."""
        self._ends.settle(utterance)
        if utterance not in self._finalized:
            return [_json(_error(event))]
        self._finalized.discard(utterance)
        self._finalizing = True
        return [_json(_error(event)), *self._answer_finalize()]

    def _answer_finalize(self) -> Sequence[str]:
        """Confirm a `Finalize` that found no utterance in progress: with the last final that is awaited, or at once."""
        if not self._finalizing:
            return ()
        self._finalizing = False
        if self._ends.last is not None:
            self._finalized.add(self._ends.last)
            return ()
        at_ms = self._audio_ms()
        nothing = results(
            self._request_id,
            alternative("", 0.0),
            start_ms=at_ms,
            end_ms=at_ms,
            is_final=True,
            speech_final=True,
            from_finalize=True,
        )
        return [_json(nothing)]

    def _utterance_end(self) -> Sequence[str]:
        """Send `UtteranceEnd` once enough audio has followed the last word."""
        gap_ms, last_ms = self._parameters.utterance_end_ms, self._last_word_ms
        if gap_ms is None or last_ms is None or self._audio_ms() < last_ms + gap_ms:
            return ()
        self._last_word_ms = None
        return [_json({"type": "UtteranceEnd", "channel": [0, 1], "last_word_end": last_ms / 1000})]

    def _audio_ms(self) -> int:
        """The end of the received audio; for containers, whose bytes say nothing about time, that of the last word."""
        if (received_ms := self._audio.milliseconds) is not None:
            return received_ms
        return (self._last_word_ms or 0) + (self._parameters.utterance_end_ms or 0)

    def _metadata(self) -> dict[str, Any]:
        audio_s = self._audio_ms() / 1000
        return metadata(self._request_id, self._hash.hexdigest(), self._created, audio_s, self._parameters.tags)

    def close_frame(self, code: int, reason: str) -> tuple[int, str]:
        """Deepgram's codes: 1008 for audio that cannot be decoded, 1011 for timeouts and failures of the server."""
        return close_frame(code, reason)

    def refusal(self, error: Error) -> str:
        """Deepgram's error object."""
        return error_body(error, self._request_id)


def _error(event: Error) -> dict[str, Any]:
    return {"type": "Error", "variant": event.code, "description": event.message, "message": event.message}


def _json(body: dict[str, Any]) -> str:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))
