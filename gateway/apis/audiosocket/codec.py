"""Asterisk's AudioSocket: a kind, a length and a payload. Pure.

https://docs.asterisk.org/Configuration/Channel-Drivers/AudioSocket. The audio is signed 16-bit little-endian.
"""

from collections.abc import Mapping, Sequence
from uuid import UUID

from backend.errors import ProtocolError
from backend.messages.protocol import AudioFormat, Error, Message, Start, Stop
from gateway.calls.call_log import CallEvent, CallIdentity, CallLog, call_reply
from gateway.calls.parameters import CallParameters
from gateway.calls.pauses import silence
from gateway.connection.codec import Decoded
from gateway.protocols import ProtocolName

HEADER_BYTES = 3
HANGUP, IDENTITY, DTMF, FAILURE = 0x00, 0x01, 0x03, 0xFF
# Kind of a frame with an event of the call, as JSON. It is not Asterisk's, which would end the call.
EVENT = 0x7F
# Hz, by kind. Asterisk also has 96 and 192 kHz, which speech does not need.
RATES: Mapping[int, int] = {
    0x10: 8_000,
    0x11: 12_000,
    0x12: 16_000,
    0x13: 24_000,
    0x14: 32_000,
    0x15: 44_100,
    0x16: 48_000,
}
SPEAKER = "inbound"


def to_frame(kind: int, payload: bytes = b"") -> bytes:
    """A frame on the wire."""
    return bytes([kind]) + len(payload).to_bytes(2, "big") + payload


def farewell(code: int, reason: str) -> bytes:
    """The last frame: a hangup, or an error, whose payload is up to the application: it is the code of the error."""
    return to_frame(HANGUP) if code == 1000 else to_frame(FAILURE, reason.encode()[:64])


class AudioSocketCodec:
    """The codec of one connection. Each frame is a whole one. `parameters` are those of all calls."""

    protocol: ProtocolName = "audiosocket"
    subprotocols: Sequence[str] = ()
    refuses_on_socket = True
    replies = False
    pauses = False
    idle_timeout_s: float | None = None
    hangup: str | bytes = to_frame(HANGUP)

    def __init__(self, call: str, parameters: CallParameters) -> None:
        self._call = call
        self.parameters: CallParameters | None = parameters
        self._chosen = parameters
        # None until the UUID of the call is known.
        self.log: CallLog | None = None
        self._rate = 0
        self._is_stopped = False

    def open(self) -> Sequence[Decoded]:
        """Wait for the UUID."""
        return ()

    def decode(self, frame: str | bytes) -> Sequence[Decoded]:
        """Translate a frame. Raises ProtocolError."""
        data = frame.encode() if isinstance(frame, str) else frame
        kind, payload = data[0], data[HEADER_BYTES:]
        if kind == IDENTITY:
            return self._identify(payload)
        if self.log is None:
            raise ProtocolError("the first frame must be the UUID of the call", code="not_started")
        return () if self._is_stopped else self._decode(self.log, kind, payload)

    def _identify(self, payload: bytes) -> Sequence[Decoded]:
        if self.log is not None or len(payload) != 16:
            raise ProtocolError("one UUID of 16 bytes is expected", code="invalid_message")
        ids = {"call_id": str(UUID(bytes=payload))}
        self.log = CallLog(CallIdentity(self._call, self.protocol, ids, (SPEAKER,), self._chosen.own))
        return ()

    def _decode(self, log: CallLog, kind: int, payload: bytes) -> Sequence[Decoded]:
        if kind in RATES:
            return self._audio(log, RATES[kind], payload)
        if kind == DTMF:
            key = payload[:1].decode("ascii", "replace")
            return (*self._start(log, 8_000), call_reply(log.dtmf(key, SPEAKER)))
        if kind in (HANGUP, FAILURE):
            self._is_stopped = True
            # A session must be open before it can be stopped.
            return (*self._start(log, 8_000), Stop())
        raise ProtocolError(f"unknown kind 0x{kind:02x}", code="unknown_type")

    def _audio(self, log: CallLog, rate: int, payload: bytes) -> Sequence[Decoded]:
        started = self._start(log, rate)
        if rate != self._rate:
            raise ProtocolError(f"the audio changes from {self._rate} to {rate} Hz", code="invalid_audio")
        return (*started, *((payload,) if payload else ()))

    def _start(self, log: CallLog, rate: int) -> Sequence[Decoded]:
        """Start the session, once: its rate is that of the first audio."""
        if self._rate:
            return ()
        self._rate = rate
        start: Start = self._chosen.start(AudioFormat(sample_rate=rate))
        return (call_reply(log.started()), start)

    def encode(self, event: Message) -> Sequence[str]:
        """The events of the call. Asterisk gets nothing but the last frame."""
        return self.log.encode(event) if self.log and self._rate else ()

    def error_frames(self, error: Error) -> Sequence[str]:
        """None: the last frame has the code of the error."""
        return ()

    def event_frame(self, event: CallEvent, body: str) -> str:
        """An event of the call, with `events=socket`, for a client that is not Asterisk."""
        return body

    def silent_frame(self, duration_ms: int) -> bytes | None:
        """Samples without sound."""
        audio = AudioFormat(sample_rate=self._rate)
        kind = next((kind for kind, rate in RATES.items() if rate == self._rate), None)
        return None if kind is None else to_frame(kind, silence(audio, duration_ms))

    def close_frame(self, code: int, reason: str) -> tuple[int, str]:
        """Native codes are sent as they are."""
        return code, reason

    def refusal(self, error: Error) -> str:
        """There is no HTTP response."""
        return ""
