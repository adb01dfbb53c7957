"""Deepgram's live API, `/v1/listen` over a WebSocket. Pure."""

import hashlib
import json
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from backend.errors import ProtocolError
from backend.messages.channels import MAX_CHANNELS, ChannelEvent
from backend.messages.protocol import Done, Error, Finalize, Keepalive, Message
from gateway.apis.deepgram.live_channel import LiveChannel, error_frame, to_frame
from gateway.apis.deepgram.messages import close_frame, error_body, metadata
from gateway.apis.deepgram.parameters import ListenParameters
from gateway.apis.received_audio import ReceivedAudio
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
        self._audio = ReceivedAudio(parameters.audio, parameters.options, multichannel=parameters.multichannel)
        self._hash = hashlib.sha256()
        # One if all channels are mixed. Their number is known when the session starts.
        self._channels: list[LiveChannel] = []

    @property
    def idle_timeout_s(self) -> float | None:
        """Results after the end of the audio may take longer."""
        return None if self._audio.is_stopped else IDLE_S

    def open(self) -> Sequence[Decoded]:
        """Start at once if the format is known, otherwise with the first audio."""
        return self._audio.start()

    @property
    def _channel_count(self) -> int:
        audio = self._audio.format
        # More are refused by the session.
        return min(audio.channels, MAX_CHANNELS) if audio and self._parameters.multichannel else 1

    def _live_channels(self) -> Sequence[LiveChannel]:
        if not self._channels:
            count = self._channel_count
            new = (LiveChannel(self._parameters, self._request_id, (number, count)) for number in range(count))
            self._channels.extend(new)
        return self._channels

    def _reply(self, build: Callable[[LiveChannel, int], Sequence[str]]) -> DeferredReply:
        """The frames of all channels, decided once all events before them have been encoded."""

        def build_all() -> Sequence[str]:
            audio_ms = self._audio_ms()
            return [frame for channel in self._live_channels() for frame in build(channel, audio_ms)]

        return DeferredReply(build=build_all)

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
                return self._finalize() if self._audio.is_started else ()
            case "CloseStream":
                return self._audio.stop()
        raise ProtocolError(f"unknown message type {str(kind)[:40]!r}", code="unknown_type", fatal=False)

    def _finalize(self) -> Sequence[Decoded]:
        for channel in self._live_channels():
            channel.begin_finalize()
        return (Finalize(), self._reply(LiveChannel.answer_finalize))

    def _receive_audio(self, data: bytes) -> Sequence[Decoded]:
        if self._audio.is_stopped:
            return ()
        self._hash.update(data)
        audio = self._audio.receive(data)
        if not self._audio.is_started or self._parameters.utterance_end_ms is None:
            return audio
        return (*audio, self._reply(LiveChannel.end_utterance))

    # --- to the client

    def encode(self, event: Message) -> Sequence[str]:
        """Translate a native event. Some have no counterpart."""
        match event:
            case Error() if event.fatal or event.utterance is None or event.language is not None:
                return [error_frame(event)]
            case Done():
                return [to_frame({"type": "Metadata", **self._metadata()})]
            case ChannelEvent():
                return self._live_channels()[event.channel or 0].encode(event, self._audio_ms())
        return []

    def _audio_ms(self) -> int:
        """The end of the received audio; for containers, whose bytes say nothing about time, that of the last word."""
        if (received_ms := self._audio.milliseconds) is not None:
            return received_ms
        last_word_ms = max((channel.last_word_ms or 0 for channel in self._channels), default=0)
        return last_word_ms + (self._parameters.utterance_end_ms or 0)

    def _metadata(self) -> dict[str, Any]:
        audio_s = self._audio_ms() / 1000
        return metadata(
            self._request_id,
            self._hash.hexdigest(),
            self._created,
            audio_s,
            channels=self._channel_count,
            tags=self._parameters.tags,
            extra=self._parameters.extra,
        )

    def close_frame(self, code: int, reason: str) -> tuple[int, str]:
        """Deepgram's codes: 1008 for audio that cannot be decoded, 1011 for timeouts and failures of the server."""
        return close_frame(code, reason)

    def refusal(self, error: Error) -> str:
        """Deepgram's error object."""
        return error_body(error, self._request_id)
